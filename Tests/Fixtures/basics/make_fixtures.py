"""Golden values for BasicsTests, from the Python standard library (run with CPython 3.11).

Usage: python3 make_fixtures.py    (writes beside itself; seed 20261123; no third-party package)

numbers.json   number texts with the bits of the nearest Float64 (float()) and repr()
utf8.json      byte strings with the start of the first ill-formed sequence (bytes.decode)
table.csv/tsv  written by csv.writer, rows in table.json
members.gz     two gzip members, the first with a file name and a time in its header
good.zip       stored, deflated, folder, non-ASCII name, made by zipfile
large.zip      the same content with zip64 fields forced
bad-*.zip      one defect each, named after it
"""
import csv
import gzip
import io
import json
import pathlib
import random
import stat
import struct
import zipfile

HERE = pathlib.Path(__file__).parent
random.seed(20261123)


def bits(value):
    return "%016x" % struct.unpack("<Q", struct.pack("<d", value))[0]


def numbers():
    texts = [
        "0.0", "-0.0", "-0", "1.0", "-1.5", "0.1", "1e22", "1e23", "9007199254740993.0", "1e-5",
        "1.7976931348623157e308", "2.2250738585072014e-308", "5e-324", "2e-324", "1e-400",
        "9223372036854775808", "-9223372036854775809", "18446744073709551616", "123456789e-30",
        "1.00000000000000011102230246251565404", "179769313486231580793728971405301e276",
        "0.000000000000000000000000000000000000000000001", "1E5", "1e+5", "100000000000000000000",
        "2.2250738585072011e-308", "7.0385307e-26", "6.02214076E23",
    ]
    for _ in range(200):
        value = struct.unpack("<d", struct.pack("<Q", random.getrandbits(64)))[0]
        if value == value and abs(value) != float("inf"):
            texts.append(repr(value) if "." in repr(value) or "e" in repr(value) else repr(value) + ".0")
    for _ in range(200):
        texts.append("%d.%de%d" % (random.randrange(10**6), random.randrange(10**12), random.randrange(-30, 30)))
    rows = [{"text": t, "bits": bits(float(t)), "repr": repr(float(t))} for t in texts]
    (HERE / "numbers.json").write_text(json.dumps(rows, indent=0) + "\n")


def utf8():
    cases = [b"", b"plain", "é€😀".encode(), b"\xc0\x80", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xed\xa0\x80",
             b"\xed\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xf4\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80",
             b"\x80", b"\xbf", b"\xff", b"\xfe", b"ab\xe2\x82", b"ab\xe2", b"ab\xf0\x9f\x98", b"12345678\xc3",
             b"123456789012345\xc3\x28", b"\xef\xbf\xbf", b"\xef\xbb\xbf", b"\xf8\x88\x80\x80\x80"]
    alphabet = [b"a", b"bcdefghi", b"\xc3\xa9", b"\xe2\x82\xac", b"\xf0\x9f\x98\x80", b"\x80", b"\xc3", b"\xe2\x82",
                b"\xed\xa0", b"\xf4\x90", b"\xc0", b"\xff"]
    weights = [20, 20, 20, 20, 20, 1, 1, 1, 1, 1, 1, 1]
    for _ in range(300):
        cases.append(b"".join(random.choices(alphabet, weights, k=random.randrange(1, 14))))
    rows = []
    for case in cases:
        try:
            case.decode("utf-8")
            fault = None
        except UnicodeDecodeError as error:
            fault = error.start
        rows.append({"hex": case.hex(), "fault": fault})
    (HERE / "utf8.json").write_text(json.dumps(rows, indent=0) + "\n")


def tables():
    header = ["id", "title, long", "e\u0301", "\u00e9"]
    rows = [
        ["1", "plain", "b", ""],
        ["2", 'a "quoted" word', "comma, here", "\u0301 combining first"],
        ["3", "two\nlines", "tab\there", "two\r\nlines"],
        ["4", '"', '""', " spaces "],
        ["5", "", "", ""],
    ]
    (HERE / "table.json").write_text(json.dumps({"header": header, "rows": rows}) + "\n")
    for name, dialect in [("table.csv", "excel"), ("table.tsv", "excel-tab")]:
        with open(HERE / name, "w", newline="", encoding="utf-8") as file:
            csv.writer(file, dialect).writerows([header] + rows)


def members():
    first = io.BytesIO()
    with gzip.GzipFile("name.txt", "wb", mtime=1234567890, fileobj=first) as file:
        file.write(b"first\r\nsecond, cut ")
    second = gzip.compress(b"here\nlast without newline", mtime=0)
    (HERE / "members.gz").write_bytes(first.getvalue() + second)


DEFLATED = b"deflated " * 1000


def entry(name, mode=0o644 | stat.S_IFREG, method=zipfile.ZIP_STORED):
    info = zipfile.ZipInfo(name, (2026, 11, 23, 0, 0, 0))
    info.external_attr = mode << 16
    info.compress_type = method
    return info


def archive(name, entries, patch=None, force_zip64=False):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for info, content in entries:
            with file.open(info, "w", force_zip64=force_zip64) as target:
                target.write(content)
    data = bytearray(buffer.getvalue())
    if patch:
        patch(data)
    (HERE / name).write_bytes(bytes(data))


def zip64_end(data):
    """Moves sizes, offset and end record of one stored entry into their zip64 forms."""
    end = data.rindex(b"PK\5\6")
    start = data.index(b"PK\1\2")
    central = bytearray(data[start:end])
    size, = struct.unpack_from("<I", central, 24)
    extra_at = 46 + struct.unpack_from("<H", central, 28)[0]
    struct.pack_into("<II", central, 20, 0xFFFFFFFF, 0xFFFFFFFF)
    struct.pack_into("<I", central, 42, 0xFFFFFFFF)
    struct.pack_into("<H", central, 30, 28)
    central[extra_at:] = struct.pack("<HHQQQ", 1, 24, size, size, 0)
    record = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, 1, 1, len(central), start)
    locator = struct.pack("<IIQI", 0x07064B50, 0, start + len(central), 1)
    tail = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    data[start:] = central + record + locator + tail


def zips():
    good = [
        (entry("folder/", 0o755 | stat.S_IFDIR), b""),
        (entry("folder/stored.txt"), b"stored"),
        (entry("folder/deflated.txt", method=zipfile.ZIP_DEFLATED), DEFLATED),
        (entry("\u00e9/\u65e5.txt"), b"name"),
        (entry("empty"), b""),
    ]
    archive("good.zip", good)
    archive("forced.zip", good, force_zip64=True)
    archive("large.zip", [(entry("a.txt"), b"sixty-four")], zip64_end)
    plain = (entry("a.txt"), b"content")
    for label, name in [("dotdot", "a/../../b"), ("absolute", "/etc/x"), ("dot", "a/./b"), ("empty-part", "a//b"),
                        ("drive", "C:x"), ("backslash", "a\\b"), ("newline", "a\nb")]:
        archive("bad-%s.zip" % label, [plain, (entry(name), b"x")])
    archive("bad-symlink.zip", [(entry("l", 0o777 | stat.S_IFLNK), b"/etc"), (entry("l/x"), b"x")])
    archive("bad-device.zip", [(entry("d", 0o644 | stat.S_IFCHR), b"")])
    archive("bad-below-file.zip", [(entry("a"), b"x"), (entry("a/b"), b"x")])
    import warnings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive("bad-twice.zip", [plain, (entry("a.txt"), b"other")])

    def encrypted(data):
        data[data.index(b"PK\1\2") + 8] |= 1

    def method(data):
        data[data.index(b"PK\1\2") + 10] = 14

    def checksum(data):
        data[data.index(b"PK\1\2") + 16] ^= 1

    def other_name(data):
        data[data.index(b"PK\3\4") + 30] ^= 1

    def size(data):
        struct.pack_into("<I", data, data.index(b"PK\1\2") + 24, 1 << 30)

    def overlap(data):
        """Points the second entry at the copy of its record inside the first one's content."""
        struct.pack_into("<I", data, data.rindex(b"PK\1\2") + 42, data.index(b"PK\3\4", 4))

    def count(data):
        end = data.rindex(b"PK\5\6")
        struct.pack_into("<HH", data, end + 8, 60000, 60000)

    for patch in [encrypted, method, checksum, other_name, size, count]:
        archive("bad-%s.zip" % patch.__name__.replace("_", "-"),
                [(entry("a.txt", method=zipfile.ZIP_DEFLATED), b"content" * 9)], patch)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as file:
        file.writestr(entry("b.txt"), b"other")
    record = inner.getvalue()[:inner.getvalue().index(b"PK\1\2")]
    archive("bad-overlap.zip", [(entry("a.txt"), record), (entry("b.txt"), b"other")], overlap)


numbers()
utf8()
tables()
members()
zips()
