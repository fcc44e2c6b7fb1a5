import pytest
from contract.gateway.served import CODE_ID, MENU, Api

from quietzone.qr.v1 import code_service_pb2
from quietzone_gateway.rest.compression import MIN_BYTES, takes_gzip


def page_of(codes: int) -> code_service_pb2.ListCodesResponse:
    return code_service_pb2.ListCodesResponse(codes=[MENU] * codes)


async def test_an_answer_of_a_kilobyte_is_compressed_for_those_who_accept_it(api: Api) -> None:
    api.services.answer("ListCodes", page_of(20))

    answer = await api.send("GET", "/v1/codes", accept_encoding="gzip")

    assert (answer.headers["content-encoding"], "Accept-Encoding" in answer.headers["vary"]) == ("gzip", True)
    assert int(answer.headers["content-length"]) < MIN_BYTES < len(answer.content)


async def tags_of(api: Api, path: str = "/v1/codes") -> list[str]:
    """The tag of an answer as it is, then of the same one compressed."""
    return [(await api.send("GET", path, accept_encoding=accepted)).headers["etag"] for accepted in ("identity", "gzip")]


async def test_other_bytes_have_another_tag(api: Api) -> None:
    api.services.answer("ListCodes", page_of(20))

    whole_way = await tags_of(api)
    kept = await tags_of(api)

    assert (whole_way[1], kept) == (f'{whole_way[0][:-1]}-gzip"', whole_way)


async def test_a_small_answer_has_one_tag(api: Api) -> None:
    assert await tags_of(api, f"/v1/codes/{CODE_ID}") == ['"3"', '"3"']


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
@pytest.mark.parametrize("cookie", [{}, {"cookie": "a=b"}])  # what has a cookie goes the whole way
async def test_who_has_either_form_of_an_answer_is_not_sent_it_again(api: Api, accepted: str, cookie: dict[str, str]) -> None:
    api.services.answer("ListCodes", page_of(20))
    had = await tags_of(api)

    answers = [await api.send("GET", "/v1/codes", accept_encoding=accepted, if_none_match=tag, **cookie) for tag in had]

    assert [(answer.status_code, answer.headers["etag"]) for answer in answers] == [(304, tag) for tag in had]


async def test_the_tag_of_a_compressed_answer_names_its_revision(api: Api) -> None:
    large = code_service_pb2.GetCodeResponse(code=MENU)
    large.code.title = "x" * MIN_BYTES
    api.services.answer("GetCode", large)
    tag = (await api.send("GET", f"/v1/codes/{CODE_ID}", accept_encoding="gzip")).headers["etag"]

    changed = await api.send("PATCH", f"/v1/codes/{CODE_ID}", {"title": "y"}, if_match=tag)

    assert (tag, changed.status_code, api.services.asked[-1].expected_revision) == ('"3-gzip"', 200, 3)


async def test_a_small_answer_stays_as_it_is(api: Api) -> None:
    assert "content-encoding" not in (await api.send("GET", f"/v1/codes/{CODE_ID}", accept_encoding="gzip")).headers


async def test_a_client_can_turn_it_off(api: Api) -> None:
    api.services.answer("ListCodes", page_of(20))

    assert "content-encoding" not in (await api.send("GET", "/v1/codes", accept_encoding="gzip", x_no_compression="1")).headers
    assert "content-encoding" not in (await api.send("GET", "/v1/codes", accept_encoding="identity")).headers


@pytest.mark.parametrize("accepted", ["gzip;q=0", "gzip; q=0.000, br", "br, x-gzip;q=0.0", "deflate", "gzipped", ""])
async def test_a_client_that_takes_no_gzip_gets_none(api: Api, accepted: str) -> None:
    api.services.answer("ListCodes", page_of(20))

    answers = [await api.send("GET", "/v1/codes", accept_encoding=accepted) for _ in range(2)]  # the second is kept

    assert ["content-encoding" in answer.headers for answer in answers] == [False, False]


@pytest.mark.parametrize("accepted", ["br, GZIP", "gzip;q=0.001", "gzip ; q=1", "x-gzip"])
def test_a_client_that_names_gzip_takes_it(accepted: str) -> None:
    assert takes_gzip(accepted)


async def test_an_image_that_is_compressed_already_is_not_compressed_again(api: Api) -> None:
    api.services.answer("RenderCode", code_service_pb2.RenderCodeResponse(image=b"\x89PNG" * 1000, media_type="image/png", etag="abc"))

    assert "content-encoding" not in (await api.send("GET", f"/v1/codes/{CODE_ID}/image", accept_encoding="gzip")).headers
