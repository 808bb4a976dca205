"""The page in a real browser, without a window: drawing, keys, files, the camera, and the same answers as Python's.

    python -m pytest -m campaign tests/page/test_page_browser.py

needs the extra ``page-test`` and Chromium (Debian: ``apt-get install chromium``). With PAGE_SCREENSHOTS=FOLDER it
leaves pictures of the page there.
"""

import base64
import contextlib
import copy
import io
import json
import os
import shutil
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from test_page import HOSTILE, classifier
from test_page_scripts import a_four

import numpycnn as nc
from numpycnn.architectures import reference_cnn
from numpycnn.command.results import when_to_trust
from numpycnn.page import write_page
from numpycnn.page.serve import page_server

pytestmark = [pytest.mark.campaign, pytest.mark.filterwarnings("ignore::ResourceWarning")]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SEVEN = [(0.28, 0.22), (0.45, 0.2), (0.72, 0.2), (0.62, 0.42), (0.5, 0.65), (0.45, 0.82)]
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
CAMERA = "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"


@pytest.fixture(scope="module")
def trained():
    """A short training is enough for sure answers."""
    (x, y), test = nc.load_mnist()
    model = reference_cnn(seed=0)
    model.compile(nc.Adam(2e-3), nc.SoftmaxCrossEntropy())
    model.fit(x[:20_000, ..., None] / 255, y[:20_000], 64, 2, verbose=0)
    model.input_format = nc.InputFormat((28, 28), prepare="digit")
    model.confidence = when_to_trust(model, (x[:20_000], y[:20_000]), 0.0, (x[20_000:24_000], y[20_000:24_000]))
    return model, test


@pytest.fixture(scope="module")
def page_file(trained, tmp_path_factory):
    return write_page(trained[0], tmp_path_factory.mktemp("page") / "digits.html")


@pytest.fixture(scope="module")
def playwright():
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        yield running


@pytest.fixture
def open_page(playwright):
    """Return a function that opens a page in a new browser; what the browser complains of fails the test."""
    browsers, complaints = [], []

    def opened(address, *arguments, **options):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *arguments])
        browsers.append(browser)
        page = browser.new_context(**options).new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url) if request.url != address and
                not request.url.startswith("data:") else None)
        page.goto(address)
        return page

    yield opened
    for browser in browsers:
        browser.close()
    assert complaints == []


def draw(page, points):
    box = page.locator("#pad").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()
    page.wait_for_timeout(50)
    page.wait_for_function("pending === null")  # all is shown


def answer(page):
    return page.locator("#name").inner_text()


def screenshot(page, name):
    if "PAGE_SCREENSHOTS" in os.environ:
        page.screenshot(path=f"{os.environ['PAGE_SCREENSHOTS']}/{name}.png", full_page=True)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("desktop", {"viewport": {"width": 1200, "height": 800}}),
        ("dark", {"viewport": {"width": 1200, "height": 800}, "color_scheme": "dark"}),
        ("phone", PHONE),
    ],
)
def test_drawing(open_page, page_file, name, options):
    page = open_page(page_file.as_uri(), **options)
    assert "nothing to look at yet" in page.locator("#sure").inner_text()
    draw(page, SEVEN)
    assert answer(page) == "7" and page.locator("#bars .best .name").inner_text() == "7"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.wait_for_timeout(1200)
    assert page.locator("#spoken").inner_text().startswith("7, ")
    assert page.evaluate("""figures.filter(Boolean).every(({canvas: {width, height}, canvas}) => {
      const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
      return new Set(new Uint32Array(pixels.buffer)).size > 2;
    })""")
    screenshot(page, name)
    page.get_by_role("button", name="Undo").click()
    page.wait_for_timeout(150)
    assert "nothing to look at yet" in page.locator("#sure").inner_text()


def test_colours_that_are_figures_stay_where_a_system_forces_its_own(open_page, page_file):
    page = open_page(page_file.as_uri(), forced_colors="active")
    draw(page, SEVEN)
    colours = page.evaluate("""[".best .bar", ".best .bar i", ".plus", ".minus"].map(name => {
      const {backgroundColor, color} = getComputedStyle(document.querySelector(name));
      return name.includes("bar") ? backgroundColor : color;
    })""")
    assert colours[0] != colours[1] and colours[2] != colours[3]


def test_from_stroke_to_bars_it_takes_less_than_50_ms(open_page, page_file):
    page = open_page(page_file.as_uri())
    draw(page, SEVEN)  # the browser compiles what runs often
    page.evaluate("pad.clear(new Event('x')); performance.clearMeasures()")
    draw(page, SEVEN)
    times = page.evaluate("performance.getEntriesByName('shown').map(entry => entry.duration)")
    print(f"from stroke to bars: median {np.median(times):.1f} ms, 90 % {np.percentile(times, 90):.1f}, n={len(times)}")
    assert len(times) > 10 and np.median(times) < 50


@pytest.mark.parametrize(("threshold", "limit", "doubt"), [
    (0.0, 1e9, ""), (np.inf, 1e9, "not sure"), (0.0, 0.0, "not a digit?"),
])  # fmt: skip
def test_doubts_are_said(open_page, trained, tmp_path, threshold, limit, doubt):
    model = copy.copy(trained[0])
    distance = replace(model.confidence.distance, limit=limit)
    model.confidence = replace(model.confidence, threshold=threshold, distance=distance)
    page = open_page(write_page(model, tmp_path / "page.html").as_uri())
    draw(page, SEVEN)
    assert answer(page) == "7" and page.locator("#doubt").inner_text() == doubt
    page.wait_for_timeout(1200)
    assert page.locator("#spoken").inner_text().startswith("7, ")
    assert doubt in page.locator("#spoken").inner_text()
    screenshot(page, f"doubt-{threshold}-{limit}")


def test_keys_draw(open_page, page_file):
    page = open_page(page_file.as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "pad"
    page.keyboard.press(" ")
    for _ in range(10):
        page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    page.wait_for_timeout(200)
    assert answer(page) == "1"
    page.keyboard.press("Backspace")
    page.wait_for_timeout(200)
    assert "nothing" in page.locator("#sure").inner_text()
    reached = set()
    for _ in range(6):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.textContent || document.activeElement.ariaLabel"))
    assert {"Camera", "Choose a picture"} <= reached


def png(picture, **options):
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", **options)
    return buffer.getvalue()


def choose(page, name, content):
    kind = "image/gif" if name.endswith(".gif") else ""
    page.get_by_label("Choose a picture").set_input_files({"name": name, "mimeType": kind, "buffer": content})
    page.wait_for_timeout(400)


def test_files(open_page, page_file):
    page = open_page(page_file.as_uri())
    choose(page, "four.png", png(a_four(300, 260, 0.1, 0.9)))
    assert answer(page) == "4" and page.locator("#found").is_visible()
    for name, content in [("text.png", b"no picture"), ("empty.png", b""), ("<img src=x>.heic", b"\0" * 99)]:
        choose(page, name, content)
        assert "is no picture that this browser can read" in page.locator("#trouble").inner_text()
        assert name in page.locator("#trouble").inner_text() and answer(page) == "4"
    choose(page, "large.png", png(np.zeros((8000, 6300), np.uint8)))
    page.wait_for_timeout(3000)
    assert "at most 50 million" in page.locator("#trouble").inner_text() and answer(page) == "4"
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned to the right
    choose(page, "turned.png", png(np.rot90(a_four(300, 260, 0.1, 0.9)).copy(), exif=exif))
    assert answer(page) == "4" and not page.locator("#trouble").is_visible()
    choose(page, "empty.png", png(np.full((50, 60), 200, np.uint8)))
    assert "empty" in page.locator("#notes").inner_text()
    film, turned = io.BytesIO(), [Image.fromarray(a_four(300, 260, 0.1, 0.9)).rotate(90 * n) for n in (1, 0)]
    turned[0].save(film, "GIF", save_all=True, append_images=turned[1:])
    choose(page, "film.gif", film.getvalue())  # its first picture lies on its side
    page.wait_for_timeout(600)
    for note in "several pictures in one file: only the first was looked at", "may lie on its side":
        assert note in page.locator("#notes").inner_text()
    draw(page, SEVEN)
    assert answer(page) == "7" and not page.locator("#found").is_visible()
    slow = png(np.kron(a_four(300, 260, 0.1, 0.9).T, np.ones((20, 20), np.uint8)))  # read when the next one is shown
    page.get_by_label("Choose a picture").set_input_files({"name": "slow.png", "mimeType": "", "buffer": slow})
    choose(page, "four.png", png(a_four(300, 260, 0.1, 0.9)))
    page.wait_for_timeout(3000)
    assert page.evaluate("bitmap.height") == 300


@contextlib.contextmanager
def served(page_file):
    """Serve the page as ``numpycnn page --open`` does; yields the address."""
    with page_server(page_file) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def by_hand(page, points, kind):
    """Draw with a finger or a pen, by the events that Chromium's own input has; the mouse's are `draw`."""
    box, chrome = page.locator("#pad").bounding_box(), page.context.new_cdp_session(page)
    places = [dict(x=box["x"] + x * box["width"], y=box["y"] + y * box["height"]) for x, y in points]
    for number, place in enumerate([*places, places[-1]]):
        step = ("start" if number == 0 else "end" if number == len(places) else "move")
        if kind == "finger":
            name = {"start": "touchStart", "move": "touchMove", "end": "touchEnd"}[step]
            touches = [] if step == "end" else [place]
            chrome.send("Input.dispatchTouchEvent", {"type": name, "touchPoints": touches})
        else:
            name = {"start": "mousePressed", "move": "mouseMoved", "end": "mouseReleased"}[step]
            pressed = {"button": "left", "buttons": 1, "clickCount": 1, "pointerType": "pen", "force": 0.5}
            chrome.send("Input.dispatchMouseEvent", {"type": name, **place, **pressed})
    page.wait_for_timeout(200)


@pytest.mark.parametrize("kind", ["finger", "pen"])
def test_a_finger_and_a_pen_draw(open_page, page_file, kind):
    page = open_page(page_file.as_uri(), **PHONE)
    page.evaluate("kinds = new Set(); canvas.addEventListener('pointermove', event => kinds.add(event.pointerType))")
    by_hand(page, SEVEN, kind)
    assert page.evaluate("[...kinds]") == ["touch" if kind == "finger" else "pen"]
    assert answer(page) == "7" and page.evaluate("pad.strokes.length") == 1
    assert page.evaluate("scrollY") == 0  # a finger on the pad draws, it does not scroll


def test_a_palm_beside_the_pen_changes_nothing(open_page, page_file):
    page = open_page(page_file.as_uri())
    page.evaluate("""() => canvas.addEventListener("pointermove", event => {
      if (event.pointerId === 99 || !event.buttons) return;
      const palm = {pointerId: 99, pointerType: "touch", isPrimary: true};
      for (const name of ["down", "move", "up"]) canvas.dispatchEvent(new PointerEvent(`pointer${name}`, palm));
    })""")
    draw(page, SEVEN)
    assert answer(page) == "7" and page.evaluate("pad.strokes.length") == 1


def test_a_picture_is_dropped(open_page, page_file, tmp_path):
    page = open_page(page_file.as_uri())
    chrome = page.context.new_cdp_session(page)

    def drop(path):
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        for name in "dragEnter", "dragOver", "drop":
            chrome.send("Input.dispatchDragEvent", {"type": name, "x": 200, "y": 400, "data": data})
        page.wait_for_timeout(500)

    (tmp_path / "four.png").write_bytes(png(a_four(300, 260, 0.1, 0.9)))
    (tmp_path / "text.txt").write_text("no picture")
    drop(tmp_path / "four.png")
    assert answer(page) == "4" and page.locator("#found").is_visible()
    drop(tmp_path / "text.txt")
    assert "text.txt” is no picture" in page.locator("#trouble").inner_text() and answer(page) == "4"


COPY = """async letters => {
  const bytes = Uint8Array.from(atob(letters), letter => letter.charCodeAt(0));
  const picture = new Blob([bytes], {type: "image/png"});
  await navigator.clipboard.write([new ClipboardItem({"image/png": picture})]);
}"""


def test_a_picture_is_pasted(open_page, page_file):
    with served(page_file) as address:  # a browser gives its clipboard to pages from a server only
        page = open_page(address, permissions=["clipboard-read", "clipboard-write"])
        page.bring_to_front()
        page.evaluate(COPY, base64.b64encode(png(a_four(300, 260, 0.1, 0.9))).decode())
        page.keyboard.press("Control+V")
        page.wait_for_timeout(500)
        assert answer(page) == "4" and page.locator("#found").is_visible()


def test_a_phone_takes_a_photo(open_page, page_file):
    page = open_page(page_file.as_uri(), **PHONE)
    photo = page.get_by_label("Take a photo")
    assert photo.get_attribute("capture") == "environment" and page.get_by_text("Photo", exact=True).is_visible()
    content = png(a_four(300, 260, 0.1, 0.9))
    photo.set_input_files({"name": "photo.png", "mimeType": "image/png", "buffer": content})
    page.wait_for_timeout(500)
    assert answer(page) == "4"
    desk = open_page(page_file.as_uri())  # which has no camera to point
    assert not desk.get_by_text("Photo", exact=True).is_visible()


def y4m(path, picture, frames=5):
    """Write a film of one picture; 16 (black) to 235 (white), as television has it."""
    height, width = picture.shape
    luminance = np.rint(16 + picture.astype(float) * 219 / 255).astype(np.uint8).tobytes()
    frame = b"FRAME\n" + luminance + bytes([128]) * (height * width // 2)
    path.write_bytes(f"YUV4MPEG2 W{width} H{height} F10:1 Ip A1:1 C420jpeg\n".encode() + frames * frame)


def test_the_camera(open_page, page_file, tmp_path):
    film = tmp_path / "four.y4m"
    y4m(film, np.pad(a_four(480, 480, 0.15, 0.85), ((0, 0), (80, 80)), mode="edge"))
    with served(page_file) as address:
        page = open_page(address, *CAMERA, f"--use-file-for-fake-video-capture={film}")
        page.evaluate("""() => {
          const [ask, devices] = [navigator.mediaDevices.getUserMedia, navigator.mediaDevices];
          window.asked = 0;
          devices.getUserMedia = wanted => { window.asked++; return ask.call(devices, wanted); };
        }""")
        page.get_by_role("button", name="Camera").dblclick()  # is as good as once
        page.wait_for_timeout(2500)
        assert answer(page) == "4" and page.locator("#video").is_visible() and page.locator("#found").is_visible()
        assert page.evaluate("performance.getEntriesByName('shown').length") > 3
        screenshot(page, "camera")
        page.get_by_role("button", name="Hold still").click()
        page.wait_for_timeout(300)
        assert answer(page) == "4" and not page.locator("#video").is_visible()
        assert page.evaluate("video.srcObject") is None and page.evaluate("asked") == 1


def test_without_a_camera_it_says_so(open_page, page_file):
    page = open_page(page_file.as_uri())
    page.get_by_role("button", name="Camera").click()
    page.wait_for_timeout(500)
    assert "camera" in page.locator("#trouble").inner_text().lower()
    draw(page, SEVEN)
    assert answer(page) == "7"


def test_hostile_names_stay_text(open_page, tmp_path):
    page = open_page(write_page(classifier(nc.Flatten(), nc.Dense(len(HOSTILE)), class_names=HOSTILE),
                                tmp_path / "page.html").as_uri())
    draw(page, SEVEN)
    assert tuple(page.locator("#bars .name").all_inner_texts()) == HOSTILE and answer(page) in HOSTILE
    assert page.evaluate("typeof hacked") == "undefined" and page.locator("img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


ASK = """async files => {
  const answers = [];
  for (const file of files) {
    const bytes = Uint8Array.from(atob(file), letter => letter.charCodeAt(0));
    const bitmap = await bitmapOf(new Blob([bytes], {type: "image/png"}));
    const seen = inputOf(model, pictureFrom(bitmap, bitmap.width, bitmap.height));
    const {probabilities, verdict} = seen.empty ? {probabilities: null} : predict(model, seen.image);
    answers.push([probabilities, seen.notes, verdict]);
  }
  return answers;
}"""


def test_1000_images_of_mnist_as_in_python(open_page, page_file, trained):
    model, (images, _) = trained
    x = images[:1000] / np.float32(255)
    page = open_page(page_file.as_uri())
    found = np.array(page.evaluate("images => images.map(image => run(model, Float32Array.from(image)).probabilities)",
                                   x.reshape(1000, -1).tolist()))
    expected = model.predict(x[..., None])
    print(f"1,000 images of MNIST: probabilities differ by at most {abs(found - expected).max():.1e}")
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).all() and abs(found - expected).max() < 1e-4


def test_480_prepared_pictures_as_in_python(open_page, page_file, trained, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, "benchmarks"])
    import bench_own_digits
    from hard_pictures import hard_pictures

    model, mnist = trained
    rng = np.random.default_rng(7)
    pictures = []
    while len(pictures) < 480:
        for _, _, picture in (*bench_own_digits.pictures(rng, mnist), *hard_pictures(rng, mnist)):
            picture = np.asarray(picture)
            pictures.append(picture if picture.dtype == np.uint8 else bench_own_digits.as_bytes(picture))
    pictures = pictures[:480]
    page = open_page(page_file.as_uri())
    found = []
    for start in range(0, 480, 40):
        found += page.evaluate(ASK, [base64.b64encode(png(p)).decode() for p in pictures[start : start + 40]])
    prepared = [nc.prepare_digit(picture) for picture in pictures]
    expected = model.predict(np.stack([each.image for each in prepared])[..., None])
    assert [answered is None for answered, *_ in found] == [each.empty for each in prepared]
    assert [notes for _, notes, _ in found] == [each.notes for each in prepared]
    full = [i for i, each in enumerate(prepared) if not each.empty]
    ours, theirs = np.array([found[i][0] for i in full]), expected[full]
    off = abs(ours - theirs).max(axis=1)
    print(f"480 pictures: probabilities differ by at most {off.max():.1e}; {json.dumps(np.sort(off)[-3:].tolist())}")
    assert (ours.argmax(axis=1) == theirs.argmax(axis=1)).all() and off.max() < 1e-4
    features = model.features(np.stack([prepared[i].image for i in full])[..., None])
    verdicts, limit = model.confidence.judge(theirs, features), model.confidence.distance.limit
    near = abs(model.confidence.distance(features) - limit) < 1e-3 * limit  # rounding may decide there
    assert near.sum() <= 3 and len(set(verdicts)) == 3
    words = {"none of them?": "not a digit?"}
    assert [found[i][2] for i, close in zip(full, near) if not close] == [
        words.get(verdict, verdict) for verdict, close in zip(verdicts, near) if not close
    ]
