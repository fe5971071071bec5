# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Connections API with a real server: the exact request of each method, and every accepted shape of its answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.community.immuta.plugins.module_utils._ansible.tenant import hint_for_status
from ansible_collections.community.immuta.plugins.module_utils._api.connections import Connections, SearchResult, bulk_id, object_path_of, task_id
from ansible_collections.community.immuta.plugins.module_utils._core.errors import (
    AnswerLost,
    ApiError,
    BadAnswer,
    Forbidden,
    ImmutaError,
    NotFound,
    OptionError,
    WriteBlocked,
)
from ansible_collections.community.immuta.plugins.module_utils._http.session import HeaderAuth, Session, Transport
from hypothesis import given
from hypothesis import strategies as some
from support.examples import examples
from unit.http_servers import LABELS, Told, texts
from unit.wire import FakeClock, Reply, Wire, hang_up, ok, reply

SECRET = "it's; a $$ secret"
CONNECTION = {"technology": "Snowflake", "hostname": "acme.snowflakecomputing.com", "password": SECRET}
PAYLOAD = {"connectionKey": "sf-prod", "connection": CONNECTION}
PATH = ["sf-prod", "SALES", "a/b c", "ä?#%"]
ENCODED = "sf-prod/SALES/a%2Fb%20c/%C3%A4%3F%23%25"
SEEN = {"objectPath": PATH, "state": "active"}

Call = Callable[[Connections], Any]


def api(wire: Wire, *, read_only: bool = False) -> Connections:
    transport = Transport(wire.url, use_proxy=False, retries=1)
    return Connections(Session(transport, HeaderAuth("key-of-tests"), read_only=read_only, clock=FakeClock(), hint=hint_for_status, secrets={SECRET}))


WRITES: list[tuple[str, Call, Any, Any, Any]] = [
    # request, call, body of the request, answer, result
    ("POST /data/connection", lambda a: a.create(PAYLOAD), PAYLOAD, {"objectPath": ["sf-prod"], "bulkId": "b"}, {"objectPath": ["sf-prod"], "bulkId": "b"}),
    ("PUT /data/connection/sf-prod", lambda a: a.update("sf-prod", CONNECTION), {"connection": CONNECTION}, {"bulkId": "b"}, {"bulkId": "b"}),
    (f"DELETE /data/object/{ENCODED}", lambda a: a.delete(PATH), None, {"objectPath": PATH, "childCount": 5}, {"objectPath": PATH, "childCount": 5}),
    (f"POST /data/crawl/{ENCODED}", lambda a: a.crawl(PATH), None, {"bulkId": "b"}, {"bulkId": "b"}),
    (f"PUT /data/settings/{ENCODED}", lambda a: a.override(PATH, {"isActive": True}), {"settings": {"isActive": True}}, SEEN, SEEN),
]


def job(id: str, state: str | None = None) -> dict[str, Any]:
    return {"id": id, "state": state, "output": None}


JOBS = {"1": {"id": "1", "state": "active", "output": None}, "2": {"id": "2", "state": "failed", "output": {"message": f"bad {SECRET}"}}}
STATUSES = [{"id": "1", "state": "active", "output": None}, {"id": "2", "state": "failed", "output": {"message": "bad <REDACTED>"}}]
ASKED = {"jobIds": ["1", "2"], "wait": 0, "pollInterval": 1}
READS: list[tuple[str, Call, Any, Any, Any]] = [
    ("POST /data/connection/test", lambda a: a.test(PAYLOAD), PAYLOAD, {"validationResults": {}}, {"validationResults": {}}),
    ("GET /data/connection/sf-prod", lambda a: a.get("sf-prod"), None, {"nativeIntegrationId": 7}, {"nativeIntegrationId": "7"}),
    ("GET /data/connection/a.b%2Fc%20%28old%29", lambda a: a.get("a.b/c (old)"), None, {"connectionKey": "a.b/c (old)"}, {"connectionKey": "a.b/c (old)"}),
    (f"GET /data/object/{ENCODED}", lambda a: a.object(PATH), None, SEEN, SEEN),
    ("POST /data/object/search", lambda a: a.search(), {}, [SEEN], SearchResult([SEEN], False)),
    (f"POST /data/object/search/{ENCODED}", lambda a: a.search(PATH), {}, [], SearchResult([], False)),
    ("GET /jobs?bulkId=bulk_1%2F2", lambda a: a.jobs("bulk_1/2"), None, [{"id": 1, "state": "active"}, {"id": "2"}], [job("1", "active"), job("2")]),
    ("POST /jobs/statuses", lambda a: a.job_statuses(["1", "2"]), ASKED, JOBS, STATUSES),
]
CALLS = WRITES + READS


@pytest.mark.parametrize(("request_line", "call", "body", "answer", "result"), CALLS, ids=[row[0] for row in CALLS])
def test_each_method_is_one_request(request_line: str, call: Call, body: Any, answer: Any, result: Any) -> None:
    with Wire([(request_line, ok(answer))]) as wire:
        assert call(api(wire)) == result
    (request,) = wire.requests
    assert (request.json() if request.body else None) == body


@pytest.mark.parametrize(("request_line", "call", "body", "answer", "result"), READS, ids=[row[0] for row in READS])
def test_what_only_reads_is_sent_in_check_mode_too(request_line: str, call: Call, body: Any, answer: Any, result: Any) -> None:
    with Wire([(request_line, ok(answer))]) as wire:
        assert call(api(wire, read_only=True)) == result


@pytest.mark.parametrize(("request_line", "call", "body", "answer", "result"), WRITES, ids=[row[0] for row in WRITES])
def test_what_writes_is_blocked_in_check_mode(request_line: str, call: Call, body: Any, answer: Any, result: Any) -> None:
    with Wire([]) as wire, pytest.raises(WriteBlocked):
        call(api(wire, read_only=True))


@pytest.mark.parametrize(("request_line", "call", "answer"), [(row[0], row[1], row[3]) for row in CALLS], ids=[row[0] for row in CALLS])
def test_only_what_makes_or_starts_something_is_lost_with_its_answer(request_line: str, call: Call, answer: Any) -> None:
    lost = request_line in ("POST /data/connection", f"POST /data/crawl/{ENCODED}")
    script = [(request_line, hang_up)] if lost else [(request_line, hang_up), (request_line, ok(answer))]
    with Wire(script) as wire:
        if lost:
            with pytest.raises(AnswerLost):
                call(api(wire))
        else:
            call(api(wire))


@pytest.mark.parametrize("path", [[""], [".."], ["sf-prod", "."], ["sf-prod", "", "T"]])
def test_a_name_that_would_lead_elsewhere_is_never_sent(path: list[str]) -> None:
    with Wire([]) as wire:
        for call in (api(wire).delete, api(wire).object, api(wire).crawl, api(wire).search):
            with pytest.raises(OptionError):
                call(path)


# --- answers


@pytest.mark.parametrize("answer", [None, "true", "[]", '"done"'])
@pytest.mark.parametrize(("request_line", "call"), [(row[0], row[1]) for row in WRITES], ids=[row[0] for row in WRITES])
def test_a_write_may_be_answered_by_next_to_nothing(request_line: str, call: Call, answer: str | None) -> None:
    with Wire([(request_line, reply(202, answer))]) as wire:
        assert call(api(wire)) == {}


@pytest.mark.parametrize("answer", ["[]", "", "null", "{}", "<html><title>Sign in</title></html>"])
@pytest.mark.parametrize(("request_line", "call"), [("GET /data/connection/k", lambda a: a.get("k")), ("GET /data/object/k", lambda a: a.object(["k"]))])
def test_a_read_without_an_object_in_it_is_no_answer(request_line: str, call: Call, answer: str) -> None:
    with Wire([(request_line, ok(answer))]) as wire, pytest.raises(BadAnswer):
        call(api(wire))


ONE, TWO = {"objectPath": ["a"]}, {"objectPath": ["b"]}


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ([ONE, TWO], SearchResult([ONE, TWO], False)),
        ({"hits": [ONE], "count": 40}, SearchResult([ONE], True)),
        ({"total": 2, "objects": [ONE, TWO]}, SearchResult([ONE, TWO], False)),
        ({"objectPath": ["up"], "children": [ONE]}, SearchResult([ONE], False)),
        ({"hits": []}, SearchResult([], False)),
        ({"hits": [ONE], "next": "cursor"}, SearchResult([ONE], True)),
        ({"hits": [ONE], "next": None}, SearchResult([ONE], False)),
        ([ONE, None, "x"], SearchResult([ONE], False)),
        (None, SearchResult([], False)),
    ],
)
def test_a_search_answers_in_any_shape(answer: Any, found: SearchResult) -> None:
    with Wire([("POST /data/object/search", ok("null") if answer is None else ok(answer))]) as wire:
        assert api(wire).search() == found


@pytest.mark.parametrize(
    "answer",
    [
        [{"id": 1, "state": "active"}, {"id": "b"}],
        {"jobs": [{"id": 1, "state": "active"}, {"id": "b"}], "next": 2},
        {"1": {"state": "active"}, "b": {"output": None}},
    ],
)
def test_jobs_come_in_any_shape(answer: Any) -> None:
    with Wire([("GET /jobs?bulkId=x", ok(answer))]) as wire:
        assert api(wire).jobs("x") == [job("1", "active"), job("b")]


@pytest.mark.parametrize("answer", [{"1": {"state": "completed"}}, [{"id": 1, "state": "completed"}], {"jobs": [{"id": "1", "state": "completed"}]}])
def test_statuses_come_in_any_shape_and_one_that_is_missing_has_none(answer: Any) -> None:
    with Wire([("POST /jobs/statuses", ok(answer))]) as wire:
        done, unknown = api(wire).job_statuses(["1", "2"])
    assert done == {"id": "1", "state": "completed", "output": None}
    assert unknown == {"id": "2", "state": None, "output": None}


@pytest.mark.parametrize(
    ("answer", "id"),
    [
        ({"bulkId": "bulk_1"}, "bulk_1"),
        ({"objectPath": ["a"], "bulkId": 17}, "17"),
        ({"crawl": {"bulkId": "bulk_2"}}, "bulk_2"),
        ({"objectPath": ["a"]}, ""),
        ({"bulkId": None}, ""),
        ({}, ""),
    ],
)
def test_a_bulk_id_is_found_where_it_stands(answer: dict[str, Any], id: str) -> None:
    assert bulk_id(answer) == id


@pytest.mark.parametrize(
    ("answer", "id"),
    [
        ({"taskId": "t1"}, "t1"),
        ({"task_id": 17}, "17"),
        ({"deletion": {"taskId": "t2"}}, "t2"),
        ({"taskId": {"id": "t3"}}, ""),
        ({"taskId": True}, ""),
        ({"bulkId": "bulk_1"}, ""),
    ],
)
def test_the_id_of_a_task_is_found_where_it_stands(answer: dict[str, Any], id: str) -> None:
    assert task_id(answer) == id


@pytest.mark.parametrize(
    ("answer", "total"),
    [([ONE, TWO], 2), ({"hits": [ONE], "count": 40}, 40), ({"hits": [ONE], "total": "many"}, 1), ({"hits": [], "totalCount": 7}, 7), ([], 0)],
)
def test_a_search_says_how_many_there_are_as_far_as_it_is_told(answer: Any, total: int) -> None:
    with Wire([("POST /data/object/search", ok(answer))]) as wire:
        assert api(wire).search().total == total


@pytest.mark.parametrize("status", [400, 403, 404, 405, 422, 501])
def test_a_connection_that_is_not_shown_owns_nothing(status: int) -> None:
    objects = [{"objectPath": ["trino"]}, {"objectPath": ["sf"]}]
    script = [
        ("POST /data/object/search", ok(objects)),
        ("GET /data/connection/trino", reply(status, {"message": "Not for this technology."})),
        ("GET /data/connection/sf", ok({"connectionKey": "sf", "nativeIntegrationId": 7})),
    ]
    with Wire(script) as wire:
        assert api(wire).owner_of("7") == "sf"


def test_states_of_jobs_are_told_in_lower_case() -> None:
    with Wire([("GET /jobs?bulkId=x", ok([{"id": 1, "state": "COMPLETED"}]))]) as wire:
        assert api(wire).jobs("x")[0]["state"] == "completed"


def test_an_object_without_a_path_is_nowhere() -> None:
    assert object_path_of({}) == object_path_of({"objectPath": None}) == []
    assert object_path_of({"objectPath": ["a", 7]}) == ["a", "7"]


# --- errors


@pytest.mark.parametrize(("status", "error"), [(403, Forbidden), (404, NotFound)])
def test_a_tenant_without_connections_is_told_from_a_wrong_key(status: int, error: type[ApiError]) -> None:
    with Wire([("POST /data/connection", reply(status, {"statusCode": status, "message": "no"}))]) as wire, pytest.raises(error) as caught:
        api(wire).create(PAYLOAD)
    assert "Connections may not be enabled on this tenant." in str(caught.value)
    assert SECRET not in str(caught.value.as_fail_json())


def test_a_secret_in_an_error_is_masked() -> None:
    refused = reply(422, {"message": f"Sign-in failed for {SECRET}"})
    with Wire([("PUT /data/connection/sf-prod", refused)]) as wire, pytest.raises(ApiError) as caught:
        api(wire).update("sf-prod", CONNECTION)
    assert SECRET not in str(caught.value.as_fail_json())
    assert "Sign-in failed for <REDACTED>" in caught.value.message


# --- the owner of an integration


def test_the_owner_of_an_integration_is_the_connection_that_names_it() -> None:
    script = [
        ("POST /data/object/search", ok([{"objectPath": ["a"]}, {"objectPath": ["x/y"]}, {"objectPath": ["c"]}])),
        ("GET /data/connection/a", ok({"nativeIntegrationId": 6})),
        ("GET /data/connection/x%2Fy", ok({"nativeIntegrationId": 7})),
    ]
    with Wire(script) as wire:
        assert api(wire).owner_of("7") == "x/y"


def test_an_integration_that_no_connection_names_stands_alone() -> None:
    script: list[tuple[str, Reply]] = [
        ("POST /data/object/search", ok({"hits": [{"objectPath": ["a"]}, {"objectPath": ["a", "DB"]}, {"objectPath": ["b"]}, {}], "count": 4})),
        ("GET /data/connection/a", ok({"connectionKey": "a", "nativeIntegrationId": None})),
        ("GET /data/connection/b", reply(403, {"message": "not yours"})),
    ]
    with Wire(script) as wire:
        assert api(wire).owner_of("7") is None


@pytest.mark.parametrize("status", [403, 404])
def test_where_there_are_no_connections_nothing_has_an_owner(status: int) -> None:
    with Wire([("POST /data/object/search", reply(status, {"message": "no"}))]) as wire:
        assert api(wire, read_only=True).owner_of("7") is None


# --- answers of any kind


def well_shaped(request_line: str, found: Any) -> bool:
    if "/jobs" in request_line:
        return all(isinstance(job["id"], str) and isinstance(job["state"], (str, type(None))) for job in found)
    if request_line.endswith("/test"):
        return isinstance(found, dict)
    kinds = {"connection": dict, "nativeIntegrationId": str} if "/connection/" in request_line else {"objectPath": list, "state": str, "settings": dict}
    objects = found.objects if isinstance(found, SearchResult) else [found]
    return all(isinstance(each[name], kind) for each in objects for name, kind in kinds.items() if each.get(name) is not None)


@pytest.mark.parametrize(("request_line", "call", "body", "answer", "result"), CALLS, ids=[row[0] for row in CALLS])
def test_any_answer_is_a_right_result_or_a_clear_error(request_line: str, call: Call, body: Any, answer: Any, result: Any) -> None:
    @examples(60)
    @given(text=texts(answer), label=LABELS, status=some.sampled_from([200, 201, 202, 400, 409, 422, 500]))
    def check(text: str, label: str, status: int) -> None:
        session = Told(text, label, status)
        try:
            found = call(Connections(session))
        except ImmutaError as error:
            json.dumps(error.as_fail_json(), allow_nan=False).encode()
        else:
            assert status < 300 and well_shaped(request_line, found)
            if isinstance(found, dict):
                assert isinstance(bulk_id(found), str) and isinstance(object_path_of(found), list)
        assert len(session.sent) == 1

    check()


@examples(200)
@given(text=texts([{"objectPath": ["a"], "nativeIntegrationId": 7}]), label=LABELS)
def test_the_owner_is_a_key_or_none_or_a_clear_error(text: str, label: str) -> None:
    try:
        owner = Connections(Told(text, label)).owner_of("7")
    except ImmutaError:
        return
    assert owner is None or isinstance(owner, str)


@pytest.mark.parametrize("answer", ["7", '"x"', "true", "0", '{"a": 1}', '{"hits": 7}', '{"hits": [1]}'])
def test_a_search_without_a_list_is_not_a_search_that_found_nothing(answer: str) -> None:
    with Wire([("POST /data/object/search", ok(answer))]) as wire, pytest.raises(BadAnswer, match="no list of objects"):
        api(wire).search()


@pytest.mark.parametrize("around", [{"warnings": []}, {"warnings": [{"message": "slow"}]}])
def test_a_list_of_something_else_does_not_hide_the_objects(around: dict[str, Any]) -> None:
    with Wire([("POST /data/object/search", ok({**around, "hits": [ONE]})), ("GET /jobs?bulkId=x", ok({**around, "jobs": [{"id": 1}]}))]) as wire:
        assert api(wire).search() == SearchResult([ONE], False)
        assert api(wire).jobs("x") == [job("1")]


@pytest.mark.parametrize("wrong", [{"objectPath": "sf-prod"}, {"state": 7}, {"settings": []}])
def test_an_object_with_a_field_of_another_kind_is_a_bad_answer(wrong: dict[str, Any]) -> None:
    with Wire([("GET /data/object/k", ok({**SEEN, **wrong}))]) as wire, pytest.raises(BadAnswer, match=f"{next(iter(wrong))} is not"):
        api(wire).object(["k"])


def test_after_a_write_a_field_of_another_kind_is_left_out() -> None:
    with Wire([("DELETE /data/object/k", ok({"childCount": "many", "bulkId": "b", "objectPath": 7}))]) as wire:
        assert api(wire).delete(["k"]) == {"bulkId": "b"}
