"""Every figure of the sample county, at scale 1.0, with the line of the seed it comes from.

S2 is 需求至上 场景为王 批量营销"会来事" (2022-03-25); † marks arithmetic done on its figures. A figure marked
"assumed" has no seed: it is there to make the county whole, and no ratio of the seeds rests on it.
"""

from typing import Final

# --- People ---------------------------------------------------------------------------------------------------------
CARDS_OWN: Final = 1_350_600  # S2 以大数据技术贴标签: 共发行社保卡135.06万张
CARD_MARKET_SHARE: Final = 0.943  # S2: 占当地社保卡市场份额的94.3%
CARD_COVERAGE: Final = 0.886  # S2: 覆盖兴化户籍总人口的88.6%
CARDS_ALL: Final = 1_432_000  # S2†: 135.06万 ÷ 94.3 %
REGISTERED_POPULATION: Final = 1_524_000  # S2†: 135.06万 ÷ 88.6 %
ROSTER_HOUSEHOLDS: Final = 328_500  # S2 以整村授信贴标签: 覆盖农户家庭32.85万户
ROSTER_PEOPLE: Final = 1_100_800  # S2: 110.08万人
OTHER_HOUSEHOLD_SIZE: Final = 2.8  # assumed: people of a household that is on no roster
BANK_PERSONS: Final = 1_110_000  # assumed: persons who hold an account with the bank
EMPLOYED: Final = 180_000  # assumed: people paid through an employer
EMPLOYERS: Final = 900  # assumed
PENSIONERS_SHARE: Final = 0.9  # assumed: of customers aged 60 and over
ONLINE_LENDER_USERS: Final = 45_000  # assumed; S2 names 线上消费平台借还款记录 as a signal
OTHER_BANK_LEAVERS: Final = 24_000  # assumed; S1 他行客户策反 needs people whose money leaves

# --- Village-wide credit and its funnel -----------------------------------------------------------------------------
EVALUATED_HEAD_SHARE: Final = 0.8  # assumed: household heads evaluated by the village
WHITELIST: Final = 153_400  # S2: 白名单预授信客户15.34万户
WHITELIST_AMOUNT: Final = 16_485_000_000  # S2: 预授信金额达164.85亿元
MAIN_ENTITIES: Final = 84_000  # S2: 本地经营性"三类客户"8.4万余户
DRAWN_SHARE: Final = 0.3452  # S2: 已用信户数2.9余万,用信率34.52%
CREDITED_UNDRAWN_SHARE: Final = 0.1631  # S2: 已授信未用信户1.37万,占比16.31%
MAIN_ENTITY_MIX: Final = {  # assumed
    "large_grower": 0.30,
    "individual_business": 0.45,
    "agri_small_enterprise_owner": 0.25,
}

# --- Other lending --------------------------------------------------------------------------------------------------
ONLINE_SIGNINGS: Final = 30_600  # S2 科技赋能: "阳光e贷"线上产品签约3.06万户
ONLINE_DRAWN: Final = 4_012  # S2: 用信4012户
LIST_BATCHES: Final = 10  # S2: 精准推送10个批次
LIST_ROWS: Final = 87_120  # S2: 87120条数据
LIST_CREDITED: Final = 5_325  # S2: 成功营销授信客户5325户
LIST_WINDOW_DAYS: Final = 90  # assumed: in which a pushed customer is counted as credited
LIST_CONTROL_SHARE: Final = 0.25  # assumed: people held back from a batch, of all who were chosen for it
LIST_EFFECTS: Final = {  # planted: how much more often the pushed were credited in the window than those held back
    "credited_not_drawn": 0.030,
    "whitelisted_not_applied": 0.035,
    "grid_without_credit": 0.025,
    "mortgage_consumer_loan": 0.030,
    "deposit_wealth_quality": 0.0,
    "credit_card_quality": 0.020,
    "loan_maturing": 0.040,
    "settled_good_standing": 0.045,
    "acquiring_active": 0.030,
    "payroll_employees": 0.010,
}
LIST_VILLAGE_BATCHES: Final = ("whitelisted_not_applied", "grid_without_credit")  # assumed: held back by whole villages
CONTROL_VILLAGE_SHARE: Final = 0.25  # assumed
VILLAGE_RESPONSE_DEVIATION: Final = 0.5  # assumed: of the log odds of being credited, between villages
LIST_RESPONSE_BATCHES: Final = (  # planted: where being credited depends on what the bank knows of the customer
    "mortgage_consumer_loan", "loan_maturing", "settled_good_standing", "acquiring_active",
)  # fmt: skip
RESPONSE_OF_RELATION_LENGTH: Final = 0.8  # planted log odds, per standard deviation of log(1 + years with the bank)
RESPONSE_OF_MERCHANTS: Final = 0.9  # planted log odds of owners of a shop with acquiring
PIPELINE: Final = 2_467  # S2 布置场景裂变需求: 储备新增、提升与裂变客户2467户
PIPELINE_AMOUNT: Final = 2_642_000_000  # S2: 26.42亿元
PIPELINE_LANDED: Final = 1_278  # S2: 已转化落地1278户
PIPELINE_LANDED_AMOUNT: Final = 561_000_000  # S2: 5.61亿元
MORTGAGES: Final = 18_000  # assumed
OTHER_LOAN_CUSTOMERS: Final = 9_000  # assumed: LN_CONSUMER, LN_MICRO and LN_POS beside the pipeline's
SETTLED_GOOD: Final = 9_000  # assumed: borrowers who settled in good standing and have no line now
CHEATS: Final = 240  # assumed: draw and repay within days, which 有效用信 must not count
UNSIGNED_LINES: Final = 400  # assumed: approved within the month and not yet signed
ENTERPRISE_LINES: Final = 2_000  # assumed
REFERRALS_EACH: Final = 5  # assumed: applications of the pipeline that one referrer brings (S2 1+N裂变 gives no N)
FIRM_TURNOVER: Final = 14_000_000  # assumed: median yearly turnover in yuan of a firm that borrows
SHOP_TURNOVER: Final = 100_000  # assumed: of a person who borrows for a business
CHECKED_SHARE: Final = 0.85  # assumed: business borrowers whose post-loan check is in the system
CHECKS_DAY: Final = 60  # assumed
OVERDUE_SHARE: Final = 0.012  # assumed: of open loans
REJECTED_APPLICATIONS: Final = 3_000  # assumed

# --- Business entities and acquiring --------------------------------------------------------------------------------
REGISTRY_ENTITIES: Final = 30_526  # S2: 48个特色行业、18个主要行业协会30526个经营主体
ASSOCIATION_SHARE: Final = 0.4  # assumed: entities that are members of their trade's association
NEW_MERCHANTS: Final = 10_951  # S2 "好邻居"工程: 新增收单商户10951户
NEW_MERCHANT_DEPOSITS: Final = 904_000_000  # S2: 沉淀资金9.04亿元
OLD_MERCHANTS: Final = 7_000  # assumed: merchants signed more than a year ago, outside the markets
MARKET_MERCHANTS: Final = {"crab": 1_200, "grain": 700, "steel": 500}  # assumed; S2 河蟹、粮食、不锈钢三大市场
MARKET_TRANSACTIONS_YEAR: Final = 3_179_300  # S2: 三大市场累计交易317.93万笔
MARKET_AMOUNT_YEAR: Final = 11_985_000_000  # S2: 金额119.85亿元
MARKET_TRANSACTION_MIX: Final = {"crab": 0.45, "grain": 0.25, "steel": 0.30}  # assumed
MARKET_MEAN_AMOUNT: Final = {"crab": 3_000.0, "grain": 5_000.0}  # assumed; steel takes what is left of 119.85亿
MARKET_SEASON: Final = {  # assumed but for the crab's September to December: share of the year's trade by month
    "crab": (0.02, 0.01, 0.01, 0.01, 0.01, 0.01, 0.02, 0.06, 0.20, 0.30, 0.22, 0.13),
    "grain": (0.05, 0.04, 0.05, 0.05, 0.07, 0.16, 0.09, 0.06, 0.08, 0.15, 0.13, 0.07),
    "steel": (0.07, 0.05, 0.09, 0.09, 0.09, 0.09, 0.08, 0.08, 0.09, 0.09, 0.09, 0.09),
}
CRAB_DEPOSITS: Final = 657_000_000  # S2: 河蟹销售旺季沉淀存款6.57亿元
CORE_ENTERPRISES: Final = 60  # assumed: 核心企业 whose chain pays through the bank
CORE_PARTNERS: Final = 12  # assumed: regular suppliers and buyers of each, half and half
OTHER_ACQUIRING_DAY: Final = 250_000  # assumed: acquiring transactions a day outside the three markets

# --- Postings a day (design.md 11: 1.1 million a day), beside salaries, pensions, settlements and loans ------------
POSTINGS_DAY: Final = {  # assumed split
    "qr_spending": 590_000,
    "card_spending": 60_000,
    "transfer_out": 110_000,
    "transfer_in": 105_000,
    "withdrawal": 40_000,
    "deposit": 35_000,
    "utility": 40_000,
    "fee": 12_000,
    "tax": 3_000,
    "insurance": 2_500,
    "wealth": 2_500,
    "bill_received": 300,
    "foreign_exchange": 150,
    "other": 5_000,
}
HISTORY_DAYS: Final = 182  # at least 180 days, so that dormancy can be told

# --- Organisation ---------------------------------------------------------------------------------------------------
MANAGERS: Final = 300  # assumed; never fewer than two a branch
TOWNS: Final = 26  # S2 外部借力: 全市26个乡镇、街道
VILLAGE_SIGNED_SHARE: Final = 0.35  # assumed: a village's target of the year, signed customers a roster household

# --- Permissions (domain section 11) --------------------------------------------------------------------------------
MARKETING_AUTHORISED_SHARE: Final = 0.70  # assumed; the legal default is none
BEHAVIOUR_AUTHORISED_SHARE: Final = 0.35  # assumed
OPT_OUT_SHARE: Final = 0.02  # assumed

# --- Planted defects ------------------------------------------------------------------------------------------------
DUPLICATE_CUSTOMERS: Final = 2_000  # one person, two core records: the older with a 15-digit ID
MISTYPED_CORE_IDS: Final = 500
DAMAGED_ROSTER_SHARE: Final = 0.03  # roster rows whose ID is missing, mistyped or lost as a number
DAMAGED_NAME_MIX: Final = {"sound": 0.12, "shape": 0.06, "swapped": 0.04}  # assumed: of the damaged roster rows
DAMAGED_PHONE_MIX: Final = {"changed": 0.12, "missing": 0.08, "family": 0.08}  # assumed: of the damaged roster rows
NAMESAKE_SHARE: Final = 0.1  # assumed: of the damaged roster rows of people whom no other source knows
FORMER_PHONE_SHARE: Final = 0.06  # assumed: persons of whom core still has the phone they had before
ACCEPTED_LINKS: Final = 120  # assumed: roster rows that a reviewer links by hand on the second date
OLD_ROSTER_SHARE: Final = 0.02  # roster rows that still show the 15-digit ID
DUPLICATE_ROSTER: Final = 1_500  # one person on the rosters of two villages
FAKE_VISITS: Final = 1_500  # visits recorded where the customer does not live
REPEATED_VISITS: Final = 1_500  # visits entered twice on the day
VISIT_STORIES: Final = {  # days of one person: cheats, and honest ones that look like them (see visits.py)
    "travel": 500, "bulk": 300, "late_bulk": 300, "day_off": 1_500,
    "fast_trip": 300, "evening_entry": 300, "weekend_campaign": 150, "evening_market": 300, "village_meeting": 300,
}  # fmt: skip

# --- A delta day ----------------------------------------------------------------------------------------------------
NEW_CUSTOMERS_DAY: Final = 300
CHANGED_CUSTOMERS_DAY: Final = 500
HANDED_OVER_CUSTOMERS_DAY: Final = 200
NEW_LINES_DAY: Final = 60
NEW_MERCHANTS_DAY: Final = 30
CONTACTS_DAY: Final = 800
VISITS_DAY: Final = 1_500
OPT_OUTS_DAY: Final = 40
CALLS_DAY: Final = 1_000
VISITS_HISTORY: Final = 160_000  # VISITS_DAY on each weekday of five months
CALLS_HISTORY: Final = 110_000


def scaled(figure: float, scale: float, least: int = 1) -> int:
    """A count at a scale, rounded, so that ratios hold to within half a unit instead of by chance."""
    return max(least, round(figure * scale))
