"""Pulling from sources that are truncated, corrupted, slow, vanishing, changing or malicious."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from rtvi_local.model_store import ModelStore, NotEnoughSpace, PullFailed
from rtvi_local.model_store.progress import Silent
from tests.model_store.conftest import Shop, file_entry, model_entry, sha256, some_bytes
from tests.model_store.http_server import (
    Fault,
    break_after,
    endless,
    redirect,
    shorter,
    stall_after,
    status,
)

CONTENT = some_bytes(300_000)


class Recorder(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.counted = 0
        self.completed: dict[str, bool] = {}

    def advance(self, model: str, count: int) -> None:
        self.counted += count

    def finish(self, model: str, *, complete: bool) -> None:
        self.completed[model] = complete

    def note(self, text: str) -> None:
        self.notes.append(text)


def installed(store: ModelStore, name: str = "m", file: str = "m.gguf") -> bytes:
    return (store.path(name) / file).read_bytes()


def store_with(shop: Shop, *urls: str, content: bytes = CONTENT) -> ModelStore:
    return shop.store(m=model_entry(file_entry("m.gguf", content, *({"url": url} for url in urls))))


def test_a_file_is_fetched_verified_and_nothing_else_is_left(shop: Shop) -> None:
    store = store_with(shop, shop.server.put("/a", CONTENT))
    recorder = Recorder()
    assert store.missing(["m"]) == ("m",)
    store.pull(["m"], recorder)
    assert installed(store) == CONTENT
    assert recorder.counted == len(CONTENT)
    assert recorder.completed == {"m": True}
    assert not (shop.directory / ".partial").exists()


def test_a_second_pull_asks_nothing(shop: Shop) -> None:
    store = store_with(shop, shop.server.put("/a", CONTENT))
    store.pull(["m"])
    store.pull(["m"])
    assert len(shop.server.requests) == 1


def test_a_download_that_breaks_off_goes_on_where_it_was(shop: Shop) -> None:
    store = store_with(shop, shop.server.put("/a", CONTENT, break_after(100_000), break_after(100_000)))
    store.pull(["m"])
    assert installed(store) == CONTENT
    assert shop.server.ranges_asked("/a") == ["", "bytes=100000-", "bytes=200000-"]


def test_what_came_before_a_failed_pull_is_used_by_the_next(shop: Shop) -> None:
    store = store_with(shop, shop.server.put("/a", CONTENT, break_after(100_000), status(404)))
    with pytest.raises(PullFailed, match="404"):
        store.pull(["m"])
    store.pull(["m"])
    assert installed(store) == CONTENT
    assert shop.server.ranges_asked("/a") == ["", "bytes=100000-", "bytes=100000-"]


def test_a_server_without_ranges_is_started_over(shop: Shop) -> None:
    store = store_with(shop, shop.server.put("/a", CONTENT, break_after(100_000), ranges=False))
    recorder = Recorder()
    store.pull(["m"], recorder)
    assert installed(store) == CONTENT
    assert recorder.counted == len(CONTENT)


def test_a_file_that_changed_meanwhile_is_started_over(shop: Shop) -> None:
    url = shop.server.put("/a", some_bytes(300_000, seed=2), break_after(100_000), status(404), etag='"old"')
    store = store_with(shop, url)
    with pytest.raises(PullFailed):
        store.pull(["m"])
    shop.server.put("/a", CONTENT, etag='"new"')
    store.pull(["m"])
    assert installed(store) == CONTENT
    assert shop.server.ranges_asked("/a")[-1:] == ["bytes=100000-"], "the old bytes were refused by If-Range, not by the hash"


def test_a_file_that_changed_unnoticed_is_found_by_its_hash_and_fetched_anew(shop: Shop) -> None:
    url = shop.server.put("/a", some_bytes(300_000, seed=2), break_after(100_000), status(404), etag="")
    store = store_with(shop, url)
    with pytest.raises(PullFailed):
        store.pull(["m"])
    shop.server.put("/a", CONTENT, etag="")
    store.pull(["m"])
    assert installed(store) == CONTENT


@pytest.mark.parametrize(
    "fault",
    [status(404), status(403), shorter(CONTENT[:1000]), stall_after(1000), endless(), redirect("http://example.invalid/x")],
    ids=["gone", "forbidden", "short", "stalled", "endless", "foreign redirect"],
)
def test_a_source_that_fails_for_good_makes_way_for_the_next_and_is_reported(shop: Shop, fault: Fault) -> None:
    shop.network = replace(shop.network, patience=replace(shop.network.patience, read_s=0.4))
    bad = shop.server.put("/bad", CONTENT, *[fault] * 6)
    store = store_with(shop, bad, shop.server.put("/good", CONTENT))
    recorder = Recorder()
    store.pull(["m"], recorder)
    assert installed(store) == CONTENT
    assert len(recorder.notes) == 1
    assert "m.gguf" in recorder.notes[0]


def test_a_server_that_is_busy_is_asked_again(shop: Shop) -> None:
    store = store_with(shop, shop.server.put("/a", CONTENT, status(503), status(429, **{"Retry-After": "0"})))
    store.pull(["m"])
    assert installed(store) == CONTENT


def test_an_answer_that_ends_early_without_saying_so_is_gone_on_from(shop: Shop) -> None:
    store = store_with(shop, shop.server.put("/a", CONTENT, shorter(CONTENT[:1000])))
    store.pull(["m"])
    assert installed(store) == CONTENT
    assert shop.server.ranges_asked("/a") == ["", "bytes=1000-"]


def test_a_line_that_breaks_often_is_not_given_up_while_bytes_come(shop: Shop) -> None:
    content = some_bytes(600_000)
    store = store_with(shop, shop.server.put("/a", content, *[break_after(60_000)] * 9), content=content)
    store.pull(["m"])
    assert installed(store) == content


def test_a_source_that_brings_nothing_is_given_up(shop: Shop) -> None:
    store = store_with(shop, shop.server.put("/a", CONTENT, *[break_after(10)] * 50))
    with pytest.raises(PullFailed, match="broke off"):
        store.pull(["m"])
    assert len(shop.server.requests) == 3


def test_a_wrong_hash_names_the_file_and_both_hashes_and_leaves_nothing(shop: Shop) -> None:
    wrong = CONTENT[:-1] + b"?"
    store = store_with(shop, shop.server.put("/a", wrong))
    with pytest.raises(PullFailed) as caught:
        store.pull(["m"])
    for expected in ("m.gguf", sha256(wrong), sha256(CONTENT)):
        assert expected in str(caught.value)
    assert store.state("m") == "missing"
    assert not [path for path in (shop.directory / ".partial").rglob("m.gguf*") if path.is_file()]


def test_a_server_that_sends_too_much_is_cut_off(shop: Shop) -> None:
    store = store_with(shop, shop.server.put("/a", CONTENT + b"more"))
    with pytest.raises(PullFailed, match="more than the 300000 bytes"):
        store.pull(["m"])


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("https://example.invalid/x", "refused to go to example.invalid"),
        ("http://example.invalid/x", "only https"),
        ("file:///etc/passwd", "only https"),
        ("http://127.0.0.1@example.invalid/x", "only https"),
        ("https://127.0.0.1.example.invalid/x", "refused to go to 127.0.0.1.example.invalid"),
    ],
)
def test_a_redirect_leads_nowhere_else(shop: Shop, target: str, reason: str) -> None:
    store = store_with(shop, shop.server.put("/a", CONTENT, *[redirect(target)] * 6))
    with pytest.raises(PullFailed, match=reason):
        store.pull(["m"])
    assert len(shop.server.requests) == 1, "it is not worth another attempt"


def test_a_redirect_on_the_same_host_is_followed_and_a_circle_is_not(shop: Shop) -> None:
    shop.server.put("/b", CONTENT)
    store = store_with(shop, shop.server.put("/a", b"", redirect("/b", 307)))
    store.pull(["m"])
    assert installed(store) == CONTENT
    store.remove("m")
    shop.server.put("/a", b"", *[redirect("/a")] * 20)
    with pytest.raises(PullFailed, match="redirected too often"):
        store.pull(["m"])


def test_plain_http_is_refused_off_this_machine(shop: Shop) -> None:
    with pytest.raises(PullFailed, match="only https"):
        store_with(shop, "http://example.invalid/a").pull(["m"])


def test_one_model_that_fails_does_not_keep_the_others(shop: Shop) -> None:
    good, bad = shop.server.put("/good", CONTENT), shop.server.url + "/bad"
    store = shop.store(
        good=model_entry(file_entry("m.gguf", CONTENT, {"url": good})),
        bad=model_entry(file_entry("m.gguf", CONTENT, {"url": bad})),
    )
    recorder = Recorder()
    with pytest.raises(PullFailed, match=r"bad: m\.gguf could not be fetched"):
        store.pull(["bad", "good"], recorder)
    assert store.missing(["bad", "good"]) == ("bad",)
    assert recorder.completed == {"good": True, "bad": False}


def test_the_hub_is_asked_for_the_file_at_its_commit(shop: Shop) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    shop.server.put(f"/hub/org/repo/resolve/{commit}/a%20b/m.gguf", CONTENT)
    source = {"hub": "org/repo", "revision": commit, "path": "a b/m.gguf"}
    store = shop.store(m=model_entry(file_entry("m.gguf", CONTENT, source)))
    store.pull(["m"])
    assert installed(store) == CONTENT


def test_a_local_file_is_copied_and_verified(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "right").write_bytes(CONTENT)
    (tmp_path / "wrong").write_bytes(some_bytes(300_000, seed=3))
    sources = [{"file": str(tmp_path / name)} for name in ("absent", "wrong", "right")]
    store = shop.store(m=model_entry(file_entry("m.gguf", CONTENT, *sources)))
    recorder = Recorder()
    store.pull(["m"], recorder)
    assert installed(store) == CONTENT
    assert len(recorder.notes) == 2


def test_a_broken_file_is_replaced(shop: Shop) -> None:
    store = store_with(shop, shop.server.put("/a", CONTENT))
    store.pull(["m"])
    (shop.directory / "m" / "m.gguf").write_bytes(b"damaged")
    assert store.missing(["m"]) == ("m",)
    store.pull(["m"])
    assert installed(store) == CONTENT


def test_a_full_disk_is_foreseen(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_with(shop, shop.server.put("/a", CONTENT))
    free = type("Usage", (), {"free": 1_000_000})
    monkeypatch.setattr("shutil.disk_usage", lambda path: free)
    with pytest.raises(NotEnoughSpace, match="1 MB free"):
        store.pull(["m"])
    assert shop.server.requests == []


@pytest.mark.parametrize("models", [["one", "other"], ["one"]], ids=["two models", "two files of a model"])
def test_downloads_overlap(shop: Shop, models: list[str]) -> None:
    """Neither gets a byte before both have asked."""
    both = threading.Barrier(2, timeout=60)

    def meet() -> None:
        both.wait()

    options = {"before_chunk": meet, "chunk_bytes": len(CONTENT)}
    a, b = (file_entry(f"{name}.gguf", CONTENT, {"url": shop.server.put(f"/{name}", CONTENT, **options)}) for name in "ab")
    one = model_entry(a) if len(models) == 2 else model_entry(a, b)
    store = shop.store(one=one, other=model_entry(b))
    store.pull(models)
    assert store.missing(models) == ()
    assert len(shop.server.requests) == 2


def test_two_pulls_at_once_fetch_once(shop: Shop) -> None:
    second_waits = threading.Event()

    def hold() -> None:
        assert second_waits.wait(60)

    url = shop.server.put("/a", CONTENT, before_chunk=hold)

    class Waits(Silent):
        def note(self, text: str) -> None:
            if "Waiting for process" in text:
                second_waits.set()

    threads = [threading.Thread(target=store_with(shop, url).pull, args=(["m"], Waits())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert installed(store_with(shop, url)) == CONTENT
    assert len(shop.server.requests) == 1
