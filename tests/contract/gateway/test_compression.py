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
