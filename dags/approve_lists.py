"""Ask a person to approve the batches of a business date, and deliver what was approved.

Purpose: runs when a business date has batches that wait for a decision. 名单批次审批 shows under "Required Actions":
approve 批准 or reject 驳回 all of them, or approve and name those to be left out. Who answers is recorded with the
SHA-256 of what was shown; a batch whose content changed meanwhile is asked for again. Without an answer the batches
expire after the days of contact_policy.yml, and their rows close at the next build.
Owner: data engineering; the answer is the list owner's.
When it fails: `decide` says what in the answer does not hold (no reason for a rejection, a batch that was not asked
for): clear `await_approval` and answer again. `qianmo list approve` and `reject` do the same by hand.
"""

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param, PartitionedAssetTimetable, dag, task

from dags.assets import PROPOSALS
from dags.steps import DEFAULT_ARGUMENTS, business_date, progress, step
from qianmo.contact_policy import contact_policy

OPEN_DATES = 16
"""Business dates that may wait for an answer side by side: one does not hold up the next."""
APPROVE, REJECT, LATER = "批准", "驳回", "暂不决定"


@dag(
    schedule=PartitionedAssetTimetable(assets=PROPOSALS),
    catchup=False,
    max_active_runs=OPEN_DATES,
    default_args=DEFAULT_ARGUMENTS,
    tags=["delivery", "approval"],
    doc_md=__doc__,
)
def approve_lists() -> None:
    @task
    def summarise() -> dict[str, Any]:
        """The batches as a table, and the content of each that the answer will be for."""
        with step() as bank:
            from delivery.approval import pending, summary

            waiting = pending(bank.home, since=business_date())
            return {
                "table": summary(bank.home, waiting),
                "contents": {batch["batch_id"]: batch["content_sha256"] for batch in waiting},
            }

    asked = summarise()
    answer = HITLOperator(
        task_id="await_approval",
        subject="名单批次审批 {{ dag_run.partition_key }}",
        body="{{ ti.xcom_pull(task_ids='summarise')['table'] }}",
        options=[APPROVE, REJECT, LATER],
        defaults=LATER,
        params={
            "excluded": Param("", type="string", title="不批准的批次", description="批次号,用逗号分隔;其余按所选处理"),
            "reason": Param("", type="string", title="驳回原因", description="驳回或剔除批次时必填"),
        },
        response_timeout=timedelta(days=contact_policy().approval_days),
    )

    @task
    def decide(asked: dict[str, Any], answer: dict[str, Any]) -> None:
        with step() as bank:
            from delivery.approval import approve, excluded_batches, expire, reject
            from delivery.deliver import deliver_last

            contents, said = asked["contents"], answer["params_input"]
            (chosen,) = answer["chosen_options"]
            if answer["responded_by_user"] is None:  # nobody answered in time
                expire(bank.home, contents)
                return
            by = answer["responded_by_user"]["name"]
            excluded = excluded_batches(contents, said.get("excluded", ""))
            if chosen == APPROVE:
                rejected = reject(bank, excluded, by, said.get("reason", "")) if excluded else []
                kept = {batch: content for batch, content in contents.items() if batch not in excluded}
                verdicts = [*rejected, *approve(bank, kept, by)]
            elif chosen == REJECT:
                verdicts = reject(bank, contents, by, said.get("reason", ""))
            else:
                verdicts = []
            for one in verdicts:
                progress(f"{one.batch_id}: {one.state} {one.note}")
            deliver_last(bank, progress)

    answer >> decide(asked, answer.output)  # type: ignore[arg-type] # XComArgs stand for their values
    asked >> answer


approve_lists()
