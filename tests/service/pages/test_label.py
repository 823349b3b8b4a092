"""The page on which people label."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from core.api_keys import add_key
from core.audit.entries import Audit
from core.config import Config
from core.records import FeedbackRecord, PredictionRecord, Wanted
from core.registry import Registry
from service.access.sessions import COOKIE
from service.worker import Worker
from tests.service.conftest import flush, local_client
from tests.service.pages.forms import ORIGIN, form_token, send
from tests.service.pages.test_shell import log_in

PAGE = "/dashboard/tickets/label"
TEXTS = [
    "my invoice",
    "the app fails with an error",
    "how do I change",
    "how can I change",
    "<script>alert(1)</script>",
]


@pytest.fixture(autouse=True)
def _without_stat_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.access.keyring.STAT_INTERVAL_S", 0.0)


@pytest.fixture
def asked(client: TestClient, worker: Worker) -> list[str]:
    """Predictions whose labels are asked for; the fourth is near the third."""
    return asked_for(client, worker, TEXTS)


def asked_for(client: TestClient, worker: Worker, texts: list[str]) -> list[str]:
    answer = client.post("/predict", json={"texts": texts}).json()
    ids = [item["id"] for item in answer["predictions"]]
    assert flush(worker.recorder, timeout_s=30)
    wanted = [Wanted(key, "learn", group=ids[2] if place in (2, 3) else None) for place, key in enumerate(ids)]
    worker.home.ledger.request_labels("tickets", wanted, check_id=None)
    return ids


def post(client: TestClient, path: str, *, token: str | None = None, **fields: Any) -> Any:
    """What the page's script sends."""
    token = client.get(f"{PAGE}/session").json()["form_token"] if token is None else token
    sent = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
    return client.post(f"{PAGE}/{path}", data={"form_token": token, **sent}, headers=ORIGIN)


def following(client: TestClient, tab: str = "t1", **fields: Any) -> list[dict[str, Any]]:
    answer = post(client, "next", tab=tab, **fields)
    assert answer.status_code == 200, answer.text
    texts: list[dict[str, Any]] = answer.json()["texts"]
    return texts


def label(name: str, *ids: str, said: str = "label", given: Any = "bug", **more: Any) -> dict[str, Any]:
    return {"id": name, "predictions": list(ids), "said": said, "label": given, **more}


def answer(client: TestClient, *answers: dict[str, Any], **fields: Any) -> list[dict[str, str]]:
    found = post(client, "answers", answers=list(answers), **fields)
    assert found.status_code == 200, found.text
    told: list[dict[str, str]] = found.json()["answers"]
    return told


def labels_of(worker: Worker) -> list[tuple[str, str]]:
    return [(row.label, row.source) for row in worker.home.ledger.labelled("tickets")]


def test_the_page_has_the_labels_with_their_letters(client: TestClient, asked: list[str]) -> None:
    page = client.get(PAGE).text
    assert "0 of 4 answers are given; 4 are still needed." in page
    assert re.findall(r'data-label="(\w+)" data-code="(\w+)"', page) == [
        ("billing", "bi"),
        ("bug", "bu"),
        ("how_to", "ow"),
    ]
    assert not re.search(r"purpose|measure", page)
    assert not re.search(r' style="| on[a-z]+="', page)


def test_what_was_asked_for_before_a_promotion_is_not_needed(
    client: TestClient, registry: Registry, second_package: Path, asked: list[str]
) -> None:
    registry.promote("tickets", registry.add(second_package, "tickets"))
    assert "0 of 4 answers are given. The other 4 are welcome, but none is needed." in client.get(PAGE).text


def test_a_window_gets_texts_with_suggestions_and_a_group_as_one(client: TestClient, asked: list[str]) -> None:
    texts = following(client)
    assert [[text["id"] for text in item["texts"]] for item in texts] == [[asked[0]], [asked[1]], asked[2:4], asked[4:]]
    first = texts[0]
    assert set(first["ranked"]) == {"billing", "bug", "how_to"}
    assert first["suggested"] == first["ranked"][:1]
    assert following(client, have=[asked[0]])[0] == {"key": asked[0]}


def test_a_suggestion_is_no_prediction(client: TestClient, worker: Worker, asked: list[str]) -> None:
    following(client)
    assert flush(worker.recorder)
    assert worker.home.ledger.count_predictions("tickets", "1") == len(TEXTS)


def test_two_windows_never_get_the_same_text(client: TestClient, worker: Worker, asked: list[str]) -> None:
    worker.home.ledger.request_labels("tickets", [Wanted(asked[0], "measure")], check_id=None)
    assert [item["key"] for item in following(client, "t1", name="ann")] == [asked[0]]
    assert following(client, "t2", name="ann") == following(client, "t3", name="ben") == []
    assert [item["key"] for item in following(client, "t1", name="ann")] == [asked[0]]


def test_a_name_that_is_typed_later_keeps_the_texts_of_the_window(client: TestClient, asked: list[str]) -> None:
    before = [item["key"] for item in following(client, "t1")]
    assert [item["key"] for item in following(client, "t1", name="Ann")] == before
    other = post(client, "next", tab="t2", name="Ann").json()
    assert (other["texts"], other["left"]) == ([], 4)
    assert other["none"].startswith("Texts that are still asked for: 4. Other windows have them")


def test_an_answer_is_stored_once_under_the_name_that_was_typed(
    client: TestClient, worker: Worker, asked: list[str]
) -> None:
    for status in ("stored", "known"):
        (told,) = answer(client, label("1", *asked[2:4]), name=" Ann ")
        assert told == {"id": "1", "status": status, "told": ""}
    assert labels_of(worker) == [("bug", "Ann")] * 2
    (entry,) = Audit(worker.home.ledger.database).latest("tickets")
    assert (entry.action, entry.via, entry.who) == ("give_labels", "page", "this machine")
    assert entry.facts == {"source": "Ann", "accepted": 2, "cannot_tell": 0, "doubtful": 0}
    assert "1 of 4 answers are given" in client.get(PAGE).text


def test_undo_takes_back_the_answer_of_the_same_person_only(
    client: TestClient, worker: Worker, asked: list[str]
) -> None:
    answer(client, label("1", asked[0]), name="ann")
    answer(client, label("1", said="undo"), name="ben")
    assert labels_of(worker) == [("bug", "ann")]
    assert answer(client, label("1", said="undo"), name="ann")[0]["status"] == "undone"
    assert labels_of(worker) == []
    assert Audit(worker.home.ledger.database).latest("tickets")[0].action == "retract_labels"
    assert following(client, first=asked[0])[0]["key"] == asked[0]


def test_a_label_of_a_person_with_a_key_has_the_name_of_the_key(
    client: TestClient, worker: Worker, asked: list[str]
) -> None:
    add_key(worker.config.keys_file, "boss", ["admin"])
    log_in(client, add_key(worker.config.keys_file, "ben", ["label"])[1])
    assert [item["key"] for item in following(client, name="someone else")][:1] == asked[:1]
    answer(client, label("1", asked[0]), name="someone else")
    assert labels_of(worker) == [("bug", "ben")]
    page = client.get(PAGE).text
    assert "Overview" not in page
    assert client.get("/dashboard/-/label").status_code == 200
    assert client.get("/dashboard", follow_redirects=False).headers["location"] == "/dashboard/-/label"
    refused = client.post(f"{PAGE}/doubtful", data={"form_token": form_token(page)}, headers=ORIGIN)
    assert refused.status_code == 403


def test_answers_of_a_session_that_ended_wait_for_its_person(
    client: TestClient, worker: Worker, asked: list[str]
) -> None:
    keys = {name: add_key(worker.config.keys_file, name, ["label"])[1] for name in ("ann", "ben")}
    add_key(worker.config.keys_file, "boss", ["admin"])
    log_in(client, keys["ann"])
    old = form_token(client.get(PAGE).text)
    session = client.cookies[COOKIE]
    client.cookies.clear()
    body: dict[str, Any] = {"answers": [label("1", asked[0])], "who": "key ann"}
    assert post(client, "answers", token=old, **body).status_code == 401
    log_in(client, keys["ben"])
    assert client.cookies[COOKIE] != session
    assert post(client, "answers", token=old, **body).status_code == 403
    found = client.get(f"{PAGE}/session").json()
    assert found["who"] == "key ben"
    assert post(client, "answers", token=found["form_token"], **body).status_code == 409
    client.cookies.clear()
    log_in(client, keys["ann"])
    token = client.get(f"{PAGE}/session").json()["form_token"]
    assert post(client, "answers", token=token, **body).json()["answers"][0]["status"] == "stored"


def test_who_answers_a_text_second_is_told(client: TestClient, worker: Worker, asked: list[str]) -> None:
    answer(client, label("1", asked[0]), name="ann")
    (told,) = answer(client, label("2", asked[0], given="billing"), name="ben")
    assert (told["status"], told["told"][:38]) == ("meanwhile", "Another person answered this text mean")
    assert labels_of(worker) == [("billing", "ben")]


def test_what_nobody_can_tell_and_what_is_left_to_others(client: TestClient, worker: Worker, asked: list[str]) -> None:
    answer(client, label("1", asked[0], said="cannot_tell"), label("2", asked[1], said="left"), name="ann")
    assert [item["key"] for item in following(client, name="ann")] == [asked[2], asked[4]]
    assert [item["key"] for item in following(client, "t2", name="ben")] == [asked[1]]


@pytest.mark.parametrize(
    "wrong",
    [
        "x",
        {},
        {"id": "<script>"},
        label("1"),
        label("1", "0" * 99),
        label("1", "0" * 32, said="promote"),
        label("1", "0" * 32, given=" "),
        label("1", "0" * 32, given=None),
        label("1", "0" * 32, given=["a"] * 201),
        label("1", "0" * 32, given="x" * 4097),
        label("1", *["0" * 32] * 99),
    ],
)
def test_a_wrong_answer_is_refused_by_itself(client: TestClient, worker: Worker, asked: list[str], wrong: Any) -> None:
    refused, stored = answer(client, wrong, label("2", asked[0]))
    assert (refused["status"], stored["status"]) == ("refused", "stored")
    assert "not stored" in refused["told"]


@pytest.mark.parametrize("sent", [{}, {"answers": "{"}, {"answers": "{}"}, {"answers": [0] * 101}])
def test_a_body_without_answers_is_refused(client: TestClient, asked: list[str], sent: dict[str, Any]) -> None:
    assert post(client, "answers", **sent).status_code == 400


@pytest.mark.parametrize("name", ["x" * 65, "a\nb"])
def test_a_name_that_no_source_can_have_is_refused(client: TestClient, asked: list[str], name: str) -> None:
    assert post(client, "answers", name=name, answers=[]).status_code == 400
    assert post(client, "next", tab="t", name=name).status_code == 400
    assert post(client, "next", tab="").status_code == 400


def test_a_new_label_is_weighed_before_it_is_given(client: TestClient, asked: list[str]) -> None:
    known, new, doubtful, number = (
        client.get(f"{PAGE}/name", params={"label": name}).json() for name in ("bug", "refund", "Bug", "0.5")
    )
    assert (known["is_known"], new["is_known"], new["doubt"]) == (True, False, "")
    assert doubtful["doubt"] == "It resembles 'bug'."
    assert "looks like a score" in number["doubt"]


def test_a_doubtful_label_waits_for_an_operator(client: TestClient, worker: Worker, asked: list[str]) -> None:
    (told,) = answer(client, label("1", asked[0], given="Bug"))
    assert told["status"] == "doubtful"
    assert labels_of(worker) == []
    page = client.get(PAGE).text
    assert 'value="Bug"' in page
    settled = send(client, f"{PAGE}/doubtful", page=PAGE, label="Bug", action="rename", to="bug")
    assert (settled.status_code, settled.headers["location"]) == (303, PAGE)
    assert labels_of(worker) == [("bug", "page")]
    assert send(client, f"{PAGE}/doubtful", page=PAGE, label="nothing", action="rename", to="bug").status_code == 409
    assert Audit(worker.home.ledger.database).latest("tickets")[0].action == "label_rule"


def test_a_confirmed_label_is_stored_at_once(client: TestClient, worker: Worker, asked: list[str]) -> None:
    answer(client, label("1", asked[0], given="Bug", is_meant=True))
    assert labels_of(worker) == [("Bug", "page")]


def test_second_answers_are_given_without_the_first_one(client: TestClient, worker: Worker, asked: list[str]) -> None:
    worker.home.ledger.record_feedback([FeedbackRecord(asked[0], "how_to", "ann")])
    assert following(client, name="ann", again="1") == []
    (item,) = following(client, name="ben", again="1")
    assert item["key"] == asked[0]
    assert "ann" not in json.dumps(item)
    assert "data-why" not in client.get(f"{PAGE}?again=1").text  # what is like the text is the text with its label
    (told,) = answer(client, label("1", asked[0], given="how_to", is_second=True), name="ben")
    assert told["told"] == ""
    page = client.get(f"{PAGE}?again=1").text
    assert "Of 1 texts that two or more people labelled, 100.0 % got the same label" in page


def test_texts_are_not_trusted(client: TestClient, worker: Worker, asked: list[str]) -> None:
    worker.home.ledger.record_feedback([FeedbackRecord(asked[0], "<img src=x>", "<b>eve</b>")])
    answer(client, label("1", asked[1], given="<Bug>"))
    for path in (PAGE, f"{PAGE}/plain", f"{PAGE}?again=1"):
        page = client.get(path).text
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "<b>eve" not in page


def test_a_long_and_a_right_to_left_text_come_whole(client: TestClient, worker: Worker, asked: list[str]) -> None:
    texts = ["word " * 4000, "أين بطاقتي؟"]
    rows = [
        PredictionRecord(f"{number:032x}", "tickets", "1", "2026", text, "bug", 0.5, 3, False, [0.0] * 32)  # type: ignore[arg-type]  # floats of an array
        for number, text in enumerate(texts)
    ]
    worker.home.ledger.record_predictions(rows)
    worker.home.ledger.request_labels("tickets", [Wanted(row.id, "measure") for row in rows], check_id=None)
    found = following(client)
    assert [item["texts"][0]["text"] for item in found] == texts
    assert found[0]["suggested"] == ["bug"]
    assert found[0]["ranked"] == []  # longer than the server takes


def test_without_a_champion_people_label_without_ranking(config: Config, worker: Worker, asked: list[str]) -> None:
    other = local_client(Worker(config))  # it has loaded no champion
    found = following(other)
    assert (found[0]["key"], found[0]["ranked"]) == (asked[0], [])
    assert answer(other, label("1", asked[0]))[0]["status"] == "stored"


def test_while_the_ledger_is_away_nothing_is_taken_and_the_page_says_so(config: Config, registry: Registry) -> None:
    (config.home / "ledger.db").mkdir(parents=True)
    client = local_client(Worker(config))
    page = client.get(PAGE)
    assert page.status_code == 200
    assert 'data-label="billing"' in page.text
    assert "The ledger" in page.text
    for path, fields in (("next", {"tab": "t"}), ("answers", {"answers": [label("1", "0" * 32)]})):
        found = post(client, path, **fields)
        assert (found.status_code, "Retry-After" in found.headers) == (503, True)


def test_an_unknown_model_is_a_404(client: TestClient, worker: Worker, asked: list[str]) -> None:
    token = form_token(client.get(PAGE).text)
    for path in ("/dashboard/nope/label", "/dashboard/nope/label/plain", "/dashboard/nope/label/requests.csv"):
        assert client.get(path).status_code == 404
    for path in ("next", "answers", "file"):
        fields = {"form_token": token, "tab": "t", "answers": "[]"}
        found = client.post(f"/dashboard/nope/label/{path}", data=fields, headers=ORIGIN)
        assert found.status_code == (400 if path == "file" else 404)


def test_without_its_token_nothing_is_stored(client: TestClient, worker: Worker, asked: list[str]) -> None:
    for path in ("answers", "next", "release"):
        assert post(client, path, token="wrong", answers=[label("1", asked[0])], tab="t").status_code == 403
    file = {"file": ("labels.csv", b"prediction_id,label\n", "text/csv")}
    assert client.post(f"{PAGE}/file", data={"form_token": "wrong"}, files=file, headers=ORIGIN).status_code == 403
    assert labels_of(worker) == []


def test_without_scripts_a_form_gives_one_label_after_the_other(
    client: TestClient, worker: Worker, asked: list[str]
) -> None:
    page = client.get(f"{PAGE}/plain", params={"name": "ann"}).text
    for act, given in (("label", "bug"), ("label", ""), ("cannot_tell", ""), ("skip", ""), ("left", "")):
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
        page = client.post(f"{PAGE}/plain", data={**fields, "act": act, "label": given}, headers=ORIGIN).text
    assert labels_of(worker) == [("bug", "ann")]
    assert worker.home.ledger.asked_labels("tickets").cannot_tell == 1
    assert "Take the last answer back" in page


def test_the_file_goes_down_and_comes_up_with_labels(client: TestClient, worker: Worker, asked: list[str]) -> None:
    down = client.get(f"{PAGE}/requests.csv")
    assert "attachment" in down.headers["content-disposition"]
    assert down.text.startswith("prediction_id,group,text,predicted,score,label,choices\n")
    rows = "".join(f"{key},{given}\n" for key, given in zip(asked, ["bug", "?", "Bug", "how_to"], strict=False))
    sent = upload(client, f"prediction_id,label\n{rows}".encode(), name="ann")
    assert sent.status_code == 200
    assert "2 labels stored" in sent.text
    assert "1 cannot be told" in sent.text
    assert "Row 3 (line 4): label &#39;Bug&#39; resembles &#39;bug&#39;." in sent.text
    assert labels_of(worker) == [("bug", "ann"), ("how_to", "ann")]
    assert Audit(worker.home.ledger.database).latest("tickets")[0].action == "import_labels"


@pytest.mark.parametrize(
    ("file", "content", "status", "words"),
    [
        ("labels.csv", b"text,label\na,b\n", 400, "labels.csv"),
        ("labels.csv.gz", b"x", 400, "is none of"),
        ("../../etc/passwd", b"x", 400, "is none of"),
        ("<b>.csv", b"", 400, "&lt;b&gt;.csv"),
        ("labels.csv", b"x" * 20_000, 413, "10000"),
    ],
)
def test_a_file_that_holds_no_labels_is_refused_in_words(
    client: TestClient, worker: Worker, asked: list[str], file: str, content: bytes, status: int, words: str
) -> None:
    sent = upload(client, content, file=file)
    assert (sent.status_code, words in sent.text, "/tmp" in sent.text) == (status, True, False)
    assert labels_of(worker) == []


def test_half_of_a_pair_in_a_field_is_refused(client: TestClient, worker: Worker, asked: list[str]) -> None:
    token = form_token(client.get(PAGE).text)
    parts = {
        'name="form_token"': token,
        'name="name"': "+2AA-",
        'name="file"; filename="l.csv"': "prediction_id,label\n",
    }
    lines = [f"--b\r\nContent-Disposition: form-data; {part}\r\n\r\n{value}\r\n" for part, value in parts.items()]
    headers = {**ORIGIN, "Content-Type": "multipart/form-data; boundary=b; charset=utf-7"}
    sent = client.post(f"{PAGE}/file", content="".join([*lines, "--b--\r\n"]), headers=headers)
    assert (sent.status_code, "half of a surrogate pair" in sent.text) == (400, True)


def test_a_label_is_as_short_as_a_rule_takes(client: TestClient, asked: list[str]) -> None:
    long, longest = ({**label(str(size), asked[0], given="z" * size), "is_meant": True} for size in (257, 256))
    refused, stored = answer(client, long, longest)
    assert (refused["status"], stored["status"]) == ("refused", "stored")
    assert "Give 1 to 256 signs." in refused["told"]


def upload(client: TestClient, content: bytes, *, file: str = "labels.csv", **fields: str) -> Any:
    data = {"form_token": form_token(client.get(PAGE).text), **fields}
    return client.post(f"{PAGE}/file", data=data, files={"file": (file, content, "text/csv")}, headers=ORIGIN)


def test_the_list_of_models_says_what_is_needed(client: TestClient, asked: list[str]) -> None:
    page = client.get("/dashboard/-/label").text
    assert re.search(r'href="/dashboard/tickets/label">tickets</a></td><td>4</td><td>0</td>', page)
