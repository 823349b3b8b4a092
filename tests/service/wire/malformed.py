"""Requests that are none, or wrong ones, as raw bytes: groups by the part that is wrong."""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

# Stands for a user's text: no answer may repeat it.
SECRET = b"zanzibar"
GOOD = b'{"texts": ["' + SECRET + b'"]}'
PREDICT, FEEDBACK, PROMOTE = b"/predict", b"/feedback", b"/admin/models/tickets/promote"
HUGGING_FACE, INFER = b"/models/tickets", b"/v2/models/tickets/infer"
LOG_IN, RETRAIN = b"/dashboard", b"/dashboard/nosuch/retrain"
PROGRAMS = (PREDICT, FEEDBACK, HUGGING_FACE, INFER, PROMOTE)
JSON, FORM = b"application/json", b"application/x-www-form-urlencoded"
HOST = b"Host: localhost"


@dataclass(frozen=True)
class Case:
    """`path`: what it asks for, where a server can read that; `half_closes`: the client says that no more will come."""

    name: str
    sent: bytes
    path: bytes = b""
    half_closes: bool = False


def head(path: bytes, *lines: bytes, method: bytes = b"POST", version: bytes = b"HTTP/1.1") -> bytes:
    return b"\r\n".join([b" ".join([method, path, version]), HOST, *lines, b"", b""])


def post(path: bytes, body: bytes, *lines: bytes, media_type: bytes = JSON) -> bytes:
    length = b"Content-Length: %d" % len(body)
    return head(path, b"Content-Type: " + media_type, length, *lines) + body


def cut(path: bytes, body: bytes, *lines: bytes) -> bytes:
    """A request whose lines alone say where its body ends."""
    return head(path, b"Content-Type: " + JSON, *lines) + body


def each(*values: object) -> tuple[object, ...]:
    return values


def request_lines() -> Iterator[Case]:
    lines = {
        "nothing of HTTP": b"hello " + SECRET,
        "a method alone": b"POST",
        "no path": b"POST  HTTP/1.1",
        "no version": b"POST /predict",
        "a word too many": b"POST /predict " + SECRET + b" HTTP/1.1",
        "two spaces": b"POST  /predict  HTTP/1.1",
        "tabs": b"POST\t/predict\tHTTP/1.1",
        "a lower-case method": b"post /predict HTTP/1.1",
        "an unknown method": b"PRDICT /predict HTTP/1.1",
        "a long method": b"P" * 5000 + b" /predict HTTP/1.1",
        "a method of punctuation": b"@#$ /predict HTTP/1.1",
        "a NUL in the method": b"PO\0ST /predict HTTP/1.1",
        "a path without a slash": b"POST predict HTTP/1.1",
        "a relative path": b"POST ../predict HTTP/1.1",
        "a query alone": b"POST ?a=b HTTP/1.1",
        "a fragment alone": b"POST #a HTTP/1.1",
        "the asterisk": b"POST * HTTP/1.1",
        "an absolute URI without a path": b"POST http://localhost HTTP/1.1",
        "an absolute URI without a host": b"POST http:///predict HTTP/1.1",
        "an absolute URI with an odd port": b"POST http://localhost:99999999/predict HTTP/1.1",
        "an absolute URI of another scheme": b"POST gopher://localhost/" + SECRET + b" HTTP/1.1",
        "an authority": b"POST localhost:80 HTTP/1.1",
        "an unclosed bracket": b"POST http://[::1/predict HTTP/1.1",
        "a NUL in the path": b"POST /pre\0dict HTTP/1.1",
        "a bell in the path": b"POST /pre\x07dict HTTP/1.1",
        "a DEL in the path": b"POST /pre\x7fdict HTTP/1.1",
        "Latin-1 in the path": b"POST /pr\xe9dict HTTP/1.1",
        "UTF-8 in the path": "POST /prédict HTTP/1.1".encode(),
        "half a UTF-8 character in the path": b"POST /pr\xc3dict HTTP/1.1",
        "a carriage return in the path": b"POST /pre\rdict HTTP/1.1",
        "a long path": b"POST /" + b"a" * 60_000 + b" HTTP/1.1",
        "a long query": b"POST /predict?" + b"a" * 60_000 + b" HTTP/1.1",
        "CONNECT": b"CONNECT localhost:443 HTTP/1.1",
        "CONNECT to a path": b"CONNECT /predict HTTP/1.1",
        "OPTIONS of all": b"OPTIONS * HTTP/1.1",
        "PRI": b"PRI * HTTP/2.0",
        "SOURCE of Icecast": b"SOURCE /predict ICE/1.0",
        "RTSP": b"DESCRIBE /predict RTSP/1.0",
    }
    for version in (
        *(b"HTTP/0.9", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/2", b"HTTP/3", b"HTTP/9.9", b"HTTP/11.1", b"HTTP/1.11"),
        *(b"HTTP/-1.1", b"HTTP/1", b"HTTP/1.", b"HTTP/.1", b"HTTP/", b"HTTP", b"http/1.1", b"HTTPS/1.1", b"HTTP/1,1"),
        *(b"HTTP/a.b", b"HTTP/1.1 ", b"HTTP/1.1\0", b"HTTP /1.1", b"JUNK"),
    ):
        lines[f"version {version!r}"] = b"GET /livez " + version
    for name, line in lines.items():
        yield Case(name, line + b"\r\n" + HOST + b"\r\n\r\n")
    yield Case("HTTP/0.9", b"GET /livez\r\n")
    yield Case("HTTP/0.9 with an empty line", b"GET /livez\r\n\r\n")
    yield Case("empty lines", b"\r\n" * 4)
    yield Case("one empty line", b"\r\n")
    yield Case("many empty lines", b"\r\n" * 20_000)
    yield Case("carriage returns", b"\r" * 10)
    yield Case("spaces", b" " * 10)
    yield Case("lines without carriage returns", b"POST /predict HTTP/1.1\nHost: localhost\nContent-Length: x\n\n")


def methods() -> Iterator[Case]:
    for method in (
        *(b"GET", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE", b"PROPFIND", b"MKCOL", b"LOCK", b"PURGE"),
        *(b"M-SEARCH", b"SUBSCRIBE", b"LINK", b"QUERY"),
    ):
        yield Case(f"{method.decode()} of /predict", head(PREDICT, method=method), PREDICT)
        yield Case(f"{method.decode()} of infer", head(INFER, method=method), INFER)
    for path in (
        *(b"/", b"//", b"//predict", b"/predict/", b"/PREDICT", b"/predict;a", b"/predict%00", b"/predict%0d%0aX:%201"),
        *(
            b"/%",
            b"/%zz",
            b"/%ff%fe",
            b"/%c0%af",
            b"/..%2f..%2fetc%2fpasswd",
            b"/../../etc/passwd",
            b"/predict/../feedback",
        ),
        *(
            b"/models/",
            b"/models/%00",
            b"/models/..",
            b"/models/%2e%2e",
            b"/models/" + b"m" * 5000,
            b"/models/%ed%a0%80",
        ),
        *(b"/v2/models/nosuch/infer", b"/v2/models/tickets/versions/" + b"9" * 5000 + b"/infer", b"/v2/models//infer"),
        *(b"/v2/models/tickets/versions/-1/infer", b"/v2/models/%2e%2e%2f/infer", b"/v2/" + SECRET),
        *(b"/admin/models/%2e%2e/promote", b"/admin/models/%00/promote", b"/admin/models/nosuch/rollback"),
        *(b"/admin/" + SECRET, b"/dashboard/" + SECRET, b"/dashboard/%00/retrain", b"/dashboard/..%2f/retrain"),
        *(b"/static_content/../../etc/passwd", b"/openapi.json", b"/metrics", b"/livez", b"/readyz", b"/v2"),
    ):
        media_type = FORM if path.startswith(LOG_IN) else JSON
        yield Case(f"POST to {path[:40]!r}", post(path, b'{"version": "1"}', media_type=media_type), path)


def headers() -> Iterator[Case]:
    lines = {
        "no colon": b"X-Text " + SECRET,
        "no name": b": " + SECRET,
        "a name alone": b"X-Text",
        "a space before the colon": b"X-Text : " + SECRET,
        "a space in the name": b"X Text: " + SECRET,
        "a space before the name": b" X-Text: " + SECRET,
        "a NUL in the name": b"X-\0Text: a",
        "a NUL in the value": b"X-Text: a\0b",
        "a bell in the value": b"X-Text: a\x07b",
        "a DEL in the value": b"X-Text: a\x7fb",
        "Latin-1 in the name": b"X-T\xe9xt: a",
        "UTF-8 in the name": "X-Téxt: a".encode(),
        "brackets in the name": b"X[Text]: a",
        "quotes in the name": b'"X-Text": a',
        "a carriage return in the value": b"X-Text: a\rb",
        "folding with a space": b"X-Text: a\r\n " + SECRET,
        "folding with a tab": b"X-Text: a\r\n\t" + SECRET,
        "folding with nothing": b"X-Text: a\r\n \r\n b",
        "a long name": b"X" * 20_000 + b": a",
        "a long value": b"X-Text: " + SECRET * 3000,
        "a value of a megabyte": b"X-Text: " + SECRET * 130_000,
        "10,000 headers": b"\r\n".join(b"X-%d: a" % number for number in range(10_000)),
        "1,500 headers of one name": b"\r\n".join([b"X-Text: 123"] * 1500),
        "a second Host": HOST,
        "another Host": b"Host: example.org",
    }
    for name, line in lines.items():
        yield Case(f"header with {name}", head(PREDICT, line, b"Content-Type: " + JSON, b"Content-Length: 0"))
    yield Case("no Host", b"POST /predict HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
    yield Case("no Host on GET", b"GET /livez HTTP/1.1\r\n\r\n")
    yield Case("HTTP/1.0 without a body", b"POST /predict HTTP/1.0\r\n\r\n", PREDICT)
    yield Case(
        "HTTP/1.0 with a chunked body",
        b"POST /predict HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n\r\n",
    )
    yield Case("an Origin of elsewhere", post(PROMOTE, b'{"version": "1"}', b"Origin: http://example.org"), PROMOTE)
    yield Case("Basic authorization", post(PROMOTE, b"{}", b"Authorization: Basic " + SECRET), PROMOTE)
    yield Case("a bearer of bytes", post(PROMOTE, b"{}", b"Authorization: Bearer \xff\xfe"), PROMOTE)
    yield Case(
        "a cookie of bytes", post(LOG_IN, b"token=", b"Cookie: retune_session=\xff.\xfe.", media_type=FORM), LOG_IN
    )
    yield Case("an odd request id", post(PREDICT, b"{}", b"X-Request-ID: " + SECRET + b" \xff"), PREDICT)
    yield Case("a long request id", post(PREDICT, b"{}", b"X-Request-ID: " + SECRET * 20), PREDICT)
    yield Case("a forwarded host", post(PROMOTE, b"{}", b"X-Forwarded-For: 10.0.0.1"), PROMOTE)
    yield Case("a broken traceparent", post(PREDICT, b"{}", b"traceparent: 00-zz-\xff-01"), PREDICT)
    yield Case("an Accept of bytes", post(PREDICT, b"{}", b"Accept: \xff/\xff;q=a"), PREDICT)
    yield Case("a Range", post(PREDICT, b"{}", b"Range: bytes=9-1"), PREDICT)


def lengths() -> Iterator[Case]:
    for given in (
        *(b"-1", b"+5", b"0x10", b"1e3", b"1.0", b"ten", b"", b" ", b"5 5", b"5, 5", b"5;5", b"5\x00", b"\xb2", b"'5'"),
        *(b"9" * 19, b"9" * 5000, b"18446744073709551616"),
    ):
        yield Case(f"Content-Length {given[:40]!r}", cut(PREDICT, GOOD, b"Content-Length: " + given))
    for path in (*PROGRAMS, LOG_IN):
        lines = head(path, b"Content-Type: " + (FORM if path == LOG_IN else JSON), b"Content-Length: 5000")
        yield Case(f"{path.decode()}: a body of less than its length", lines + b'{"te', path)
        yield Case(f"{path.decode()}: no body", lines, path)
        yield Case(f"{path.decode()}: half a body, then an end", lines + b'{"te', path, half_closes=True)
        yield Case(f"{path.decode()}: no body, then an end", lines, path, half_closes=True)
    for path in PROGRAMS:
        yield Case(f"{path.decode()}: a body of more than its length", cut(path, GOOD, b"Content-Length: 7"), path)
        twice = cut(path, GOOD, b"Content-Length: 3", b"Content-Length: 4")
        yield Case(f"{path.decode()}: two lengths", twice, path)
        both = cut(path, b"0\r\n\r\n", b"Content-Length: 5", b"Transfer-Encoding: chunked")
        yield Case(f"{path.decode()}: a length and chunks", both, path)
        yield Case(f"{path.decode()}: no length", cut(path, GOOD), path)
        yield Case(
            f"{path.decode()}: a length beyond all limits", cut(path, b"{", b"Content-Length: 999999999999"), path
        )
    yield Case("the same length twice", cut(PREDICT, b"{}", b"Content-Length: 2", b"Content-Length: 2"))
    yield Case("chunks, then a length", cut(PREDICT, b"0\r\n\r\n", b"Transfer-Encoding: chunked", b"Content-Length: 5"))
    yield Case("a length of nothing before a body", cut(PREDICT, GOOD, b"Content-Length: 0"), PREDICT)
    yield Case("more than is allowed", post(PREDICT, b" " * 250_000), PREDICT)
    yield Case("more than is allowed, of tensors", post(INFER, b" " * 250_000), INFER)
    yield Case("more than is allowed, of a form", post(LOG_IN, b"a" * 250_000, media_type=FORM), LOG_IN)


def chunks() -> Iterator[Case]:
    chunked = b"Transfer-Encoding: chunked"
    bodies = {
        "no size": b"\r\n{}\r\n0\r\n\r\n",
        "a size of letters": b"zz\r\n{}\r\n0\r\n\r\n",
        "a negative size": b"-2\r\n{}\r\n0\r\n\r\n",
        "a size with a sign": b"+2\r\n{}\r\n0\r\n\r\n",
        "a size with 0x": b"0x2\r\n{}\r\n0\r\n\r\n",
        "a size with a space": b"2 2\r\n{}\r\n0\r\n\r\n",
        "a size of 16 digits": b"f" * 16 + b"\r\n{}",
        "a size of 17 digits": b"1" + b"0" * 16 + b"\r\n{}",
        "a size of 5,000 digits": b"f" * 5000 + b"\r\n{}",
        "a size of a terabyte": b"10000000000\r\n{}",
        "a size too small": b"1\r\n{}\r\n0\r\n\r\n",
        "a size too large": b"3\r\n{}\r\n0\r\n\r\n",
        "no line after a chunk": b"2\r\n{}0\r\n\r\n",
        "no end": b"2\r\n{}\r\n",
        "half an end": b"2\r\n{}\r\n0\r\n",
        "half a size": b"2",
        "half a chunk": b"20\r\n{",
        "nothing": b"",
        "line feeds only": b"2\n{}\n0\n\n",
        "an open extension": b'2;a="' + SECRET + b"\r\n{}\r\n0\r\n\r\n",
        "a NUL in an extension": b"2;a=\0\r\n{}\r\n0\r\n\r\n",
        "an extension of 100,000 bytes": b"2;a=" + b"x" * 100_000 + b"\r\n{}\r\n0\r\n\r\n",
        "a trailer without a colon": b"2\r\n{}\r\n0\r\nX-Text\r\n\r\n",
        "a trailer with a NUL": b"2\r\n{}\r\n0\r\nX: \0\r\n\r\n",
        "a trailer with a length": b"2\r\n{}\r\n0\r\nContent-Length: 9\r\n\r\n",
        "a trailer of 100,000 bytes": b"2\r\n{}\r\n0\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        "a trailer without an end": b"2\r\n{}\r\n0\r\nX: a\r\n",
        "raw JSON": GOOD,
        "20,000 chunks": b"1\r\n \r\n" * 20_000 + b"0\r\n\r\n",
        "more than is allowed": (b"8000\r\n" + b" " * 0x8000 + b"\r\n") * 8 + b"0\r\n\r\n",
    }
    for path in (PREDICT, INFER):
        for name, body in bodies.items():
            yield Case(f"{path.decode()}: chunks with {name}", cut(path, body, chunked), path)
    for path in (FEEDBACK, HUGGING_FACE, PROMOTE):
        yield Case(f"{path.decode()}: chunks with a wrong size", cut(path, bodies["a size of letters"], chunked), path)
        yield Case(f"{path.decode()}: chunks without an end", cut(path, bodies["no end"], chunked), path)
        ended = cut(path, bodies["half a chunk"], chunked)
        yield Case(f"{path.decode()}: half a chunk, then an end", ended, path, half_closes=True)
    for coding in (
        *(b"gzip", b"identity", b"chunked, gzip", b"gzip, chunked", b"chunked, chunked", b"xchunked", b"chunked-"),
        *(b"chunked;a=b", b"", b"\x0bchunked", b'"chunked"', b"chunked\0", b"trailers", b"zanzibar"),
    ):
        yield Case(
            f"Transfer-Encoding {coding!r}", cut(PREDICT, b"2\r\n{}\r\n0\r\n\r\n", b"Transfer-Encoding: " + coding)
        )
    yield Case("two Transfer-Encodings", cut(PREDICT, b"2\r\n{}\r\n0\r\n\r\n", chunked, b"Transfer-Encoding: identity"))
    yield Case("chunks twice", cut(PREDICT, b"2\r\n{}\r\n0\r\n\r\n", chunked, chunked))
    yield Case("chunks behind a space", cut(PREDICT, b"2\r\n{}\r\n0\r\n\r\n", b"Transfer-Encoding : chunked"))


def media_types() -> Iterator[Case]:
    part = b'--b\r\nContent-Disposition: form-data; name="texts"\r\n\r\n' + SECRET + b"\r\n"
    bodies = {
        b"multipart/form-data": part + b"--b--\r\n",
        b"multipart/form-data; boundary=b": part + b"--b--\r\n",
        b"multipart/form-data; boundary=": part,
        b"multipart/form-data; boundary=c": part,
        b"multipart/mixed; boundary=b": part,
        FORM: b"texts=" + SECRET + b"&top_k=" + b"9" * 5000,
        b"application/vnd.bentoml+pickle": b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.",
        b"application/octet-stream": b"\x80\x04.",
        b"application/x-pickle": b"cos\nsystem\n(S'id'\ntR.",
        b"application/x-protobuf": b"\x08\x96\x01",
        b"application/grpc": b"\0\0\0\0\0",
        b"application/xml": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        b"application/yaml": b"!!python/object/apply:os.system [id]",
        b"application/msgpack": b"\x81\xa5texts\x90",
        b"application/cbor": b"\xa1",
        b"text/plain": SECRET,
        b"text/html": b"<script>" + SECRET + b"</script>",
        b"image/png": b"\x89PNG\r\n\x1a\n",
        b"application/jsonp": GOOD,
        b"application/json/": GOOD,
        b"json": GOOD,
        b"\xff\xfe": GOOD,
        b"": GOOD,
    }
    for path in (PREDICT, FEEDBACK):
        for media_type, body in bodies.items():
            yield Case(f"{path.decode()}: a body of {media_type!r}", post(path, body, media_type=media_type), path)
    for path in (HUGGING_FACE, PROMOTE, INFER):
        for media_type in (b"multipart/form-data", FORM, b"application/vnd.bentoml+pickle", b"text/plain"):
            sent = post(path, bodies[media_type], media_type=media_type)
            yield Case(f"{path.decode()}: a body of {media_type!r}", sent, path)
    for path in (LOG_IN, RETRAIN):
        for media_type in (b"multipart/form-data; boundary=b", JSON, b"text/plain", b""):
            sent = post(path, b"token=" + SECRET, media_type=media_type)
            yield Case(f"{path.decode()}: a body of {media_type!r}", sent, path)
    for coding, body in {
        b"gzip": gzip.compress(b" " * 20_000_000),
        b"deflate": zlib.compress(b" " * 20_000_000),
        b"br": b"\x1b" * 200,
        b"zstd": b"\x28\xb5\x2f\xfd" + bytes(40),
        b"gzip, gzip": gzip.compress(gzip.compress(b" " * 1_000_000)),
        b"identity, gzip": GOOD,
        b"zanzibar": GOOD,
        b"\xff": GOOD,
    }.items():
        for path in (PREDICT, INFER):
            sent = post(path, body, b"Content-Encoding: " + coding)
            yield Case(f"{path.decode()}: a body in {coding!r}", sent, path)


def bodies() -> Iterator[Case]:
    wrong = {
        "no bytes": b"",
        "a space": b" ",
        "no JSON": SECRET,
        "half an object": b'{"texts": ["' + SECRET,
        "two objects": GOOD + GOOD,
        "a byte order mark": b"\xef\xbb\xbf" + GOOD,
        "UTF-16": GOOD.decode().encode("utf-16"),
        "UTF-32": GOOD.decode().encode("utf-32"),
        "bytes that are no UTF-8": b'{"texts": ["\xff\xfe' + SECRET + b'"]}',
        "an overlong slash": b'{"texts": ["\xc0\xaf"]}',
        "a surrogate in UTF-8": b'{"texts": ["\xed\xa0\x80"]}',
        "a surrogate as a name": b'{"\\ud800": ["' + SECRET + b'"]}',
        "half an escape": b'{"texts": ["\\u12"]}',
        "an unknown escape": b'{"texts": ["\\x41"]}',
        "a raw NUL": b'{"texts": ["a\0b"]}',
        "a raw line feed": b'{"texts": ["a\nb"]}',
        "NUL bytes": bytes(100),
        "single quotes": b"{'texts': ['" + SECRET + b"']}",
        "a comma too many": b'{"texts": ["a",]}',
        "a comment": b'{"texts": ["a"]} // ' + SECRET,
        "NaN": b'{"texts": NaN}',
        "Infinity": b'{"texts": ["a"], "top_k": -Infinity}',
        "a float beyond all": b'{"texts": ["a"], "top_k": 1e999}',
        "an integer of 5,000 digits": b'{"texts": ["a"], "top_k": ' + b"9" * 5000 + b"}",
        "an exponent of 5,000 digits": b'{"texts": ["a"], "top_k": 1e' + b"9" * 5000 + b"}",
        "a leading zero": b'{"texts": ["a"], "top_k": 01}',
        "a field twice": b'{"texts": ["a"], "inputs": ["a"], "feedback": [], "texts": 5, "inputs": 5, "feedback": 5}',
        "100,000 open lists": b"[" * 100_000,
        "100,000 open objects": b'{"a":' * 30_000,
        "deep lists": b'{"texts": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        "deep objects with half a character": b'{"a": ' * 20_000 + b'"\\ud800"' + b"}" * 20_000,
        "a list": b"[]",
        "a string": b'"' + SECRET + b'"',
        "a number": b"1",
        "null": b"null",
        "10,000 fields": json.dumps({f"field{number}": 1 for number in range(10_000)}).encode(),
        "a name of 100,000 characters": b'{"' + b"a" * 100_000 + b'": 1}',
        "a name with control characters": b'{"a\\u0000\\r\\n\\u001b[31m": 1}',
        "a text in place of the list": b'{"texts": "' + SECRET + b'", "feedback": "' + SECRET + b'"}',
        "a prototype": b'{"__proto__": {"texts": ["a"]}}',
    }
    for path in PROGRAMS:
        for name, body in wrong.items():
            yield Case(f"{path.decode()}: a body of {name}", post(path, body), path)
    forms = {
        "no bytes": b"",
        "bytes that are no UTF-8": b"token=\xff\xfe",
        "half an escape": b"token=%f",
        "a NUL": b"token=%00",
        "another field": b"name=" + SECRET,
        "a field twice": b"token=a&token=" + SECRET,
        "10,000 fields": b"&".join([b"a=b"] * 10_000),
        "a long token": b"token=" + SECRET * 10_000,
        "a surrogate": b"token=%ed%a0%80",
        "JSON": b'{"token": "' + SECRET + b'"}',
    }
    for path in (LOG_IN, RETRAIN):
        for name, form in forms.items():
            yield Case(f"{path.decode()}: a form of {name}", post(path, form, media_type=FORM), path)


def fields() -> Iterator[Case]:
    wrong: dict[bytes, tuple[object, ...]] = {
        PREDICT: (
            *({"texts": value} for value in each([], {}, None, ["a"] * 999)),
            {"texts": ["a"], "text": "zanzibar"},
            *({"texts": ["a"], "top_k": value} for value in each(0, -1, 1.5, True, "zanzibar", [])),
            *({"texts": ["a"], "model": value} for value in each("", 5, "m" * 900, [], "../..", "\ud800")),
            *({"texts": ["a"], "timeout_ms": value} for value in each(0, -1, "zanzibar", True)),
        ),
        FEEDBACK: (
            *({"feedback": value} for value in each([], {}, None, 5, ["zanzibar"], [None], [[]], [{}])),
            *(
                {"feedback": [{"prediction_id": "zanzibar", "label": value}]}
                for value in each(None, "", "  ", 5, "b\0", "b" * 900, {}, ["a|b"], [5], [""] * 300, "\ud800")
            ),
            *(
                {"feedback": [{"prediction_id": value, "label": "zanzibar"}]}
                for value in each(None, "", 5, [], "i" * 900)
            ),
            {"feedback": [{"prediction_id": "zanzibar", "label": "bug"}]},
            {"feedback": [{"prediction_id": "a", "label": "bug", "source": "s" * 900}]},
        ),
        HUGGING_FACE: (
            *(
                {"inputs": value}
                for value in each(None, [], 5, "", "a\0zanzibar", {"text": 5}, {"zanzibar": 1}, "\ud800")
            ),
            *({"inputs": "zanzibar", "parameters": value} for value in each([], "zanzibar", {"top_k": 0}, {"zanz": 1})),
            {"inputs": "zanzibar", "parameters": {"function_to_apply": "zanzibar"}},
        ),
        PROMOTE: (
            *({"version": value} for value in each(None, "", 5, [], "v" * 900, "999", "../../etc", "a\0b", "\ud800")),
            *({"version": "1", "force": value} for value in each("zanzibar", 5, [])),
            {"version": "1", "forced": True},
        ),
    }
    for path, contents in wrong.items():
        for number, content in enumerate(contents, 1):
            yield Case(f"{path.decode()}: wrong fields {number}", post(path, json.dumps(content).encode()), path)


def tensors() -> Iterator[Case]:
    text = {"name": "text", "datatype": "BYTES", "shape": [1]}
    wrong: tuple[object, ...] = (
        *({"inputs": value} for value in each([], {}, None, 5, ["zanzibar"], [{}])),
        *({"inputs": [{**text, "data": value}]} for value in each(None, "zanzibar", [], ["a", "zanzibar"], {}, 5)),
        *({"inputs": [{**text, "name": value, "data": ["a"]}]} for value in each(None, "zanzibar", 5, [])),
        *({"inputs": [{**text, "datatype": value, "data": ["a"]}]} for value in each(None, "FP32", "zanzibar", 5)),
        *(
            {"inputs": [{**text, "shape": value, "data": ["a"]}]}
            for value in each(None, 1, [], [0], [-1], [2], [1, 2], [1, 1, 1], ["zanzibar"], [1e300], [True], [2**70])
        ),
        {"inputs": [{**text, "data": ["a"]}] * 2},
        {"inputs": [{**text, "data": ["a"]}], "id": 5},
        {"inputs": [{**text, "data": ["a"]}], "outputs": 5},
        {"inputs": [{**text, "data": ["a"]}], "outputs": [{"name": "zanzibar"}]},
        {"inputs": [{**text, "data": ["a"], "parameters": {"shared_memory_region": "zanzibar"}}]},
        {"inputs": [{**text, "data": ["a"], "parameters": "zanzibar"}]},
        {"inputs": [{**text, "data": ["a"]}, {**text, "name": "text_pair", "data": ["zanzibar"]}]},
    )
    for number, content in enumerate(wrong, 1):
        yield Case(f"wrong tensor {number}", post(INFER, json.dumps(content).encode()), INFER)
    item = struct.pack("<I", len(SECRET)) + SECRET
    for name, size, tail in (
        ("of less than it says", len(item) + 1, item),
        ("of more than it says", len(item) - 1, item),
        ("of nothing", 0, b""),
        ("of a negative size", -1, item),
        ("of a size of letters", "zanzibar", item),
        ("of a size beyond all", 2**70, item),
        ("of half a size", 1.5, item),
        ("of half a length", 3, item[:3]),
        ("with an item of 4 GiB", len(item), b"\xff\xff\xff\xff" + SECRET),
        ("with two items for one", 2 * len(item), item * 2),
        ("with bytes that belong to none", len(item), item * 2),
        ("of 40,000 empty items", 160_000, bytes(160_000)),
    ):
        content = json.dumps({"inputs": [{**text, "parameters": {"binary_data_size": size}}]}).encode()
        yield binary(f"a binary tensor {name}", content + tail, str(len(content)).encode())
    content = json.dumps({"inputs": [{**text, "parameters": {"binary_data_size": len(item)}}]}).encode()
    for given in (
        *(b"-1", b"0", b"1", b"9999999", b"9" * 5000, b"zanzibar", b"", b"\xff", b"\xb2", b"1.5", b"0x10"),
        b"%d" % (len(content) - 1),
        b"%d" % (len(content) + 1),
    ):
        yield binary(f"JSON of the length {given[:40]!r}", content + item, given)


def binary(name: str, body: bytes, json_bytes: bytes) -> Case:
    length = b"Inference-Header-Content-Length: " + json_bytes
    return Case(name, post(INFER, body, length, media_type=b"application/octet-stream"), INFER)


def half_requests() -> Iterator[Case]:
    whole = post(PREDICT, GOOD)
    ends = whole.index(b"\r\n\r\n")
    for size in (1, 4, 5, 13, 20, 30, ends, ends + 2, ends + 3):
        yield Case(f"{size} bytes of a head", whole[:size])
        yield Case(f"{size} bytes of a head, then an end", whole[:size], half_closes=True)
    for size in (ends + 4, ends + 5, len(whole) - 1):
        yield Case(f"{size} bytes of a request", whole[:size], PREDICT)
        yield Case(f"{size} bytes of a request, then an end", whole[:size], PREDICT, half_closes=True)
    for path in PROGRAMS:
        yield Case(f"{path.decode()}: a wrong body, then an end", post(path, SECRET), path, half_closes=True)
    for name, garbage in {
        "garbage": b"\xff\xfe" + SECRET,
        "half a head": b"POST /pre",
        "a long head": b"A" * 40_000,
    }.items():
        for path in PROGRAMS:
            yield Case(f"{path.decode()}: a wrong request, then {name}", post(path, b"{") + garbage, path)
    yield Case("an empty line, then garbage", b"\r\n\xff" + SECRET)


def other_protocols() -> Iterator[Case]:
    upgrade = (b"Connection: Upgrade", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    for protocol in (b"websocket", b"h2c", b"TLS/1.0", b"zanzibar", b"\xff"):
        yield Case(
            f"an upgrade to {protocol!r}", head(PREDICT, b"Upgrade: " + protocol, *upgrade, method=b"GET"), PREDICT
        )
        sent = post(PREDICT, b"{", b"Upgrade: " + protocol, *upgrade)
        yield Case(f"a body and an upgrade to {protocol!r}", sent, PREDICT)
    settings = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
    yield Case("h2c as Java sends it", post(INFER, b"{", *settings), INFER)
    for expectation in (b"100-continue", b"100-Continue", b"zanzibar", b"", b"200-ok"):
        sent = head(PREDICT, b"Content-Type: " + JSON, b"Content-Length: 500", b"Expect: " + expectation)
        yield Case(f"an Expect of {expectation!r} and no body", sent, PREDICT)
        yield Case(f"an Expect of {expectation!r} and half a body", sent + GOOD[:9], PREDICT)
        yield Case(
            f"an Expect of {expectation!r} and a wrong body", post(PREDICT, b"{", b"Expect: " + expectation), PREDICT
        )
    for name, sent in {
        "a TLS hello": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(160),
        "an SSL 2 hello": b"\x80\x2e\x01\x00\x02" + bytes(40),
        "half a TLS hello": b"\x16\x03\x01",
        "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
        "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
        "SMTP": b"EHLO localhost\r\n",
        "Redis": b"*1\r\n$4\r\nPING\r\n",
        "memcached": b"stats\r\n",
        "SOCKS 5": b"\x05\x01\x00",
        "PROXY 1": b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\nGET /livez HTTP/1.1\r\nHost: a\r\n\r\n",
        "PROXY 2": b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12),
        "PostgreSQL": struct.pack(">II", 8, 80877103),
        "RDP": b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0",
        "SMB": b"\0\0\0\x85\xffSMBr",
        "an answer": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "NUL bytes": bytes(1000),
        "bytes of 0xff": b"\xff" * 1000,
        "a page of every byte": bytes(range(256)),
        "a line without an end": b"A" * 100_000,
    }.items():
        yield Case(name, sent)


GROUPS = {
    group.__name__: list(group())
    for group in (
        *(request_lines, methods, headers, lengths, chunks, media_types, bodies, fields, tensors),
        *(half_requests, other_protocols),
    )
}
