"""Only the person whose terminal shows the address gets in; no other page, and no name rebound to this machine."""

import aiohttp
import pytest
import yarl

from tests.playground.town import Town


async def _status(town: Town, path: str, method: str = "GET", **headers: str) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, town.server.base + path, headers=headers, allow_redirects=False) as response,
    ):
        return response.status


async def _cookie(town: Town) -> str:
    async with aiohttp.ClientSession() as session, session.get(town.server.page_url, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (303, "/")
        set_cookie = response.headers["Set-Cookie"]
    assert "HttpOnly" in set_cookie
    assert "SameSite=Strict" in set_cookie
    return set_cookie.partition(";")[0]


@pytest.mark.parametrize(
    "path", ["/", "/play/state", "/api/v10/gateway", "/gateway", "/page/x.js", "/cdn/attachments/1"]
)
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost:1", "127.0.0.1:{port}."]
)
async def test_another_name_for_this_machine_gets_nothing(town: Town, path: str, host: str) -> None:
    assert await _status(town, path, Host=host.format(port=town.server.port)) == 403


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Cookie": "mynah_playground=1"}], ids=str)
async def test_without_the_token_nothing_is_answered(town: Town, headers: dict[str, str]) -> None:
    assert await _status(town, "/play/state", **headers) == 401
    assert await _status(town, "/play/faults", "POST", **headers) == 401
    assert await _status(town, "/") == 401


async def test_a_wrong_token_in_the_address_lets_nobody_in(town: Town) -> None:
    assert await _status(town, "/?token=wrong") == 401


async def test_the_cookie_of_the_printed_address_opens_the_page(town: Town) -> None:
    cookie = await _cookie(town)
    assert await _status(town, "/play/state", Cookie=cookie) == 200
    assert await _status(town, "/play/dms", "POST", Cookie=cookie, Origin=town.server.base) == 400


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://127.0.0.1:1", "null", "http://localhost", "file://"]
)
async def test_another_page_cannot_use_the_cookie(town: Town, origin: str) -> None:
    cookie = await _cookie(town)
    assert await _status(town, "/play/state", Cookie=cookie, Origin=origin) == 403
    assert await _status(town, "/play/faults", "POST", Cookie=cookie, Origin=origin) == 403


async def test_a_change_by_cookie_needs_an_origin(town: Town) -> None:
    cookie = await _cookie(town)
    assert await _status(town, "/play/faults", "DELETE", Cookie=cookie) == 403
    assert await _status(town, "/play/faults", "DELETE", Cookie=cookie, Origin=town.server.base) == 204


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_what_the_browser_calls_another_site_is_refused(town: Town, site: str) -> None:
    cookie = await _cookie(town)
    assert await _status(town, "/play/state", Cookie=cookie, **{"Sec-Fetch-Site": site}) == 403


async def test_another_page_cannot_listen(town: Town) -> None:
    cookie = await _cookie(town)
    url = yarl.URL(town.server.base) / "play/events" % {"as": town.id_of("Mira")}
    async with aiohttp.ClientSession() as session:
        for origin in ({"Origin": "https://evil.example"}, {}):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(url, headers={"Cookie": cookie, **origin})
            assert refused.value.status == 403
        socket = await session.ws_connect(url, headers={"Cookie": cookie, "Origin": town.server.base})
        await socket.close()


async def test_the_page_and_its_files_carry_a_policy_that_lets_in_nothing_foreign(town: Town) -> None:
    async with aiohttp.ClientSession() as session, session.get(town.server.base + "/page/missing.js") as response:
        policy = response.headers["Content-Security-Policy"]
        assert response.status == 404
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    "path", ["../server.py", "..%2fserver.py", "%2e%2e/server.py", "x/../../seeding.py", ".hidden.js", "a.py"]
)
async def test_no_file_outside_the_page_is_served(town: Town, path: str) -> None:
    url = yarl.URL(f"{town.server.base}/page/{path}", encoded=True)
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 404
