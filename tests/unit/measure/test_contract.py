"""What the contract of the API compares, and what it leaves out."""

from helpers.measure.apps import contract
from helpers.measure.apps.contract import REQUESTS, Said


def said(*changed):
    answers = [Said(ask.status, "application/json", {}) for ask in REQUESTS]
    for number, answer in changed:
        answers[number] = answer
    return tuple(answers)


def test_there_are_requests_of_every_kind():
    assert len(REQUESTS) >= 40
    assert {200, 201, 204, 400, 404, 409, 413, 415} == {ask.status for ask in REQUESTS}


def test_like_answers_break_nothing():
    assert contract.broken(said(), said()) == []


def test_a_wrong_status_and_an_unlike_body_are_named():
    wrong = said((0, Said(500, "application/json", {})), (1, Said(200, "application/json", {"a": 1})))
    first, second = contract.broken(wrong, said())
    assert first == "GET /healthz: 500 instead of 200"
    assert second.startswith("GET /shipments: ")
    assert len(contract.broken(wrong)) == 1


def test_what_differs_from_run_to_run_is_masked_and_the_rest_is_not():
    body = {"id": "7f", "uptimeSeconds": 3, "node": "v20", "detail": "no 7f", "items": [{"id": 7}]}
    masked = contract._masked(body, lambda text: text.replace("7f", "ID"))
    assert masked == {"id": "str", "uptimeSeconds": "int", "detail": "no ID", "items": [{"id": "int"}]}


def test_of_a_wrong_field_its_name_counts():
    errors = [{"field": "b", "message": "x"}, {"field": "a", "message": "y"}]
    assert contract._masked({"errors": errors}, str) == {"errors": ["a", "b"]}
