"""`qianmo plan lint` finds the five contradictions of the seeds, both values of each, and none in a clean plan."""

import argparse
from pathlib import Path

from qianmo.plan import contradictions, load_plan
from tests.evidence import fail

PLANS = Path(__file__).resolve().parent.parent / "qianmo" / "plans"
FIVE = {  # rule: the two values, as domain section 8 lists them
    "分项之和与合计不符": ("100 户", "105 户"),
    "同一指标同一时期有不同数值": ("80 户", "100 户"),
    "阶段权重与阶段时长不符": ("4:3:3:2", "开门红3个月、促提升3个月、调结构3个月、抓储备3个月"),
    "同一事物有两个名称": ("三小一融", "三小一卡"),
    "各阶段天数与总天数不符": ("5 天", "10 天"),
}


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    found = contradictions(load_plan(PLANS / "seeds.yml"))
    for one in found:
        print(f"{one.rule}：{one.subject}：{'；'.join(one.values)}")
    if [one.rule for one in found] != [*FIVE]:
        fail(f"expected {', '.join(FIVE)}")
    for one in found:
        for wanted, value in zip(FIVE[one.rule], one.values, strict=True):
            if wanted not in value:
                fail(f"{one.rule}: {value} does not state {wanted}")
    if clean := contradictions(load_plan(PLANS / "clean.yml")):
        fail(f"a plan that agrees is said to contradict itself: {clean}")
    print(f"{len(found)} of {len(FIVE)} contradictions of the seeds, both values each; 0 in a plan that agrees")


if __name__ == "__main__":
    main()
