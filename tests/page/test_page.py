"""The page's file: what is in it, what is refused, that nothing of a model becomes HTML or script, and the server."""

import base64
import hashlib
import html.parser
import http.client
import json
import re
import socket
import struct
import threading

import numpy as np
import pytest

import numpycnn as nc
from numpycnn.page import write_page
from numpycnn.page.network import LAYERS, describe
from numpycnn.page.serve import page_server, serve_page
from numpycnn.page.write import SCRIPTS, as_json, part

HOSTILE = (
    "</script><script>window.hacked = 1</script>", "<img src=x onerror=hacked()>", "{{script}}", "<!--<script>",
    "'\"&amp;", "\\u003c/script>", "数字", "x" * 300,
)


def classifier(*layers, input_shape=(28, 28, 1), class_names=None):
    model = nc.Sequential(layers, input_shape=input_shape, seed=0)
    model.compile("sgd", nc.SoftmaxCrossEntropy())
    prepare = "digit" if input_shape == (28, 28, 1) else "resize"
    model.input_format = nc.InputFormat(input_shape[:2], input_shape[2] == 1, prepare=prepare, class_names=class_names)
    return model


class Elements(html.parser.HTMLParser):
    """The elements of a page with their attributes and text, as a browser reads them."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append([tag, dict(attributes), ""])
        self.open = True

    def handle_endtag(self, tag):
        self.open = False

    def handle_data(self, data):
        if self.open:
            self.found[-1][2] += data

    def named(self, tag):
        return [(attributes, text) for name, attributes, text in self.found if name == tag]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    model = classifier(nc.Flatten(), nc.Dense(len(HOSTILE)), class_names=HOSTILE)
    return write_page(model, tmp_path_factory.mktemp("page") / "new" / "digits.html")


def test_names_come_back_from_the_page_as_they_are_and_make_no_elements(written):
    page, template = Elements(written.read_text("utf-8")), Elements(part("template.html"))
    assert [name for name, *_ in page.found] == [name for name, *_ in template.found]
    (_, model), (_, script) = page.named("script")
    assert tuple(json.loads(model)["classes"]) == HOSTILE
    assert "hacked" not in script and "<" not in model


def test_only_the_page_s_own_script_and_style_run(written):
    page = Elements(written.read_text("utf-8"))
    policy = next(a["content"] for a, _ in page.named("meta") if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    (_, style), (_, script) = page.named("style")[0], page.named("script")[1]
    for name, text in ("style-src", style), ("script-src", script):
        assert rules[name] == "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'" and rules["img-src"] == "data:"
    assert set(rules) == {"default-src", "script-src", "style-src", "img-src", "base-uri", "form-action"}


def test_the_page_needs_nothing_else(written):
    text = written.read_text("utf-8")
    page = Elements(text)
    addresses = [a[name] for _, a, _ in page.found for name in ("src", "href", "action") if name in a]
    assert all(address.startswith("data:") for address in addresses)
    code = "\n".join(part(f"scripts/{name}.js") for name in SCRIPTS) + part("style.css")
    assert not re.search(r"https?:|fetch\(|XMLHttp|Sock|import |eval\(|innerHTML|outerHTML|insertAdjacent|url\(", code)
    assert not any("style" in a or any(name.startswith("on") for name in a) for _, a, _ in page.found)
    assert "{{" not in text.replace("{{script}}", "")  # which is a class's name
    assert "leave this machine nowhere" in " ".join(text.split())


def test_a_page_for_digits_speaks_of_digits_and_one_for_pictures_of_pictures(written, tmp_path):
    pictures = write_page(classifier(nc.Flatten(), nc.Dense(2), input_shape=(4, 5, 3)), tmp_path / "p.html")
    for path, title in ((written, "Draw a digit"), (pictures, "Show it a picture")):
        assert [text for _, text in Elements(path.read_text("utf-8")).named("title")] == [title]


def test_every_control_has_a_name(written):
    page = Elements(written.read_text("utf-8"))
    controls = [(name, a, text) for name, a, text in page.found if name in ("button", "input") or a.get("role") in
                ("application", "img")]
    assert len(controls) >= 7
    assert all(a.get("aria-label") or (name == "button" and text.strip()) for name, a, text in controls)
    assert any(a.get("role") == "status" for _, a, _ in page.found)  # speaks what comes out
    assert any(a.get("role") == "alert" for _, a, _ in page.found)
    assert {a["id"] for _, a, _ in page.found if "id" in a} >= {
        label for _, a, _ in page.found for label in (a.get("aria-labelledby"), a.get("aria-describedby")) if label
    }


def test_the_reference_network_s_page_has_about_a_megabyte(tmp_path):
    from numpycnn.architectures import reference_cnn

    model = reference_cnn(seed=0)
    model.compile("adam", nc.SoftmaxCrossEntropy())
    assert 900_000 < write_page(model, tmp_path / "page.htm").stat().st_size < 1_050_000


def test_weights_are_kept_to_16_bits():
    model = classifier(nc.Flatten(), nc.Dense(10))
    weight = model.parameters[0].value
    weight.flat[:6] = 0.0, -0.0, 1.0, -1e-38, 3e38, 1 + 2.0**-15 - 2.0**-20  # the last one is nearer to the larger one
    letters = base64.b64decode(describe(model)["layers"][1]["weight"])
    kept = np.zeros((weight.size, 4), np.uint8)
    kept[:, 1:] = np.frombuffer(letters, np.uint8).reshape(-1, 3)
    kept = kept.view("<f4").reshape(weight.shape)
    assert (abs(kept - weight) <= 2.0**-16 * abs(weight)).all() and kept.flat[5] == 1 + 2.0**-15


class Own(nc.ReLU):
    """It may compute something else."""


def test_other_layers_are_refused_by_name(tmp_path):
    model = classifier(Own(), nc.Flatten(), nc.Dense(10))
    with pytest.raises(ValueError, match=r"page can compute, got Own\(.*it knows Conv2D, "):
        write_page(model, tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


def test_every_layer_of_the_package_is_known():
    assert set(LAYERS) == {getattr(nc, name) for name in nc.layers.__all__} - {nc.Layer}


def test_other_models_are_refused(tmp_path):
    page = tmp_path / "page.html"
    with pytest.raises(TypeError, match="model: expected a Sequential, got"):
        write_page("model.npz", page)
    with pytest.raises(RuntimeError, match="write_page: the model is not built"):
        write_page(nc.Sequential([nc.Dense(10)]), page)
    uncompiled = nc.Sequential([nc.Flatten(), nc.Dense(10)], input_shape=(28, 28, 1))
    with pytest.raises(ValueError, match="probabilities of classes, got .* the loss None; compile it"):
        write_page(uncompiled, page)
    colour = nc.Sequential([nc.Flatten(), nc.Dense(10)], input_shape=(32, 32, 3))
    with pytest.raises(ValueError, match=r"input_format says what its inputs of shape \(32, 32, 3\) are, got None"):
        write_page(colour, page)
    for value in np.nan, np.inf, 3.4028235e38:  # the last one is infinite once it is rounded
        model = classifier(nc.Flatten(), nc.Dense(10))
        model.parameters[0].value[3, 3] = value
        with pytest.raises(ValueError, match="expected finite weights, .* infinity in Dense"):
            write_page(model, page)
    assert not page.exists()


def test_the_file_s_name_says_that_it_is_a_page(tmp_path):
    model = classifier(nc.Flatten(), nc.Dense(10))
    for name in "model.npz", "page", "page.html.gz":
        with pytest.raises(ValueError, match="path: expected a name that ends in .html"):
            write_page(model, tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    assert write_page(model, str(tmp_path / "Page.HTML")) == tmp_path / "Page.HTML"


def test_json_keeps_what_cannot_be_encoded():
    assert json.loads(as_json(["\ud800", "\u2028", "<"])) == ["\ud800", "\u2028", "<"]
    with pytest.raises(ValueError):
        as_json(float("nan"))


def test_the_server_hands_out_one_file_and_complains_of_no_browser(written, capsys):
    with page_server(written) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            assert server.server_address[0] == "127.0.0.1"
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
            connection.request("GET", "/")
            answer = connection.getresponse()
            assert answer.status == 200 and answer.read() == written.read_bytes()
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
            for path in "/digits.html", "/../digits.html", "/?x", "/favicon.ico":
                connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
                connection.request("GET", path)
                assert connection.getresponse().status == 404, path
            for _ in range(5):
                with socket.create_connection(server.server_address) as gone:
                    gone.sendall(b"GET / HTTP/1.1\r\n\r\n")
                    gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closes at once
            away = written.rename(written.with_name("away.html"))
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
            connection.request("GET", "/")
            answer = connection.getresponse()
            assert answer.status == 404 and b"No such file" in answer.read()
            away.rename(written)
        finally:
            server.shutdown()
            thread.join()
    assert capsys.readouterr().err == ""


def test_serving_ends_with_ctrl_c_and_opens_the_browser(written, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)

    def interrupted(server):
        raise KeyboardInterrupt

    monkeypatch.setattr("http.server.ThreadingHTTPServer.serve_forever", interrupted)
    serve_page(written)
    serve_page(written, open_browser=False)
    addresses = re.findall(r"http://127\.0\.0\.1:\d+/", capsys.readouterr().out)
    assert len(addresses) == 2 and opened == addresses[:1]
    with pytest.raises(FileNotFoundError, match="expected a page, but there is no file .*write_page makes one"):
        serve_page(written.with_name("none.html"))
