"""Text is decoded as it was written, whatever it was written in; and never into nonsense."""

import pytest

from tailrace.context.decode import decode

GERMAN = "Grüße aus München, die Straße ist „schön“ – für 20 €."  # noqa: RUF001 - its own letters
POLISH = "Zażółć gęślą jaźń. Dziękuję bardzo, że przyszedłeś na spotkanie w Łodzi."
CZECH = "Příliš žluťoučký kůň úpěl ďábelské ódy."
RUSSIAN = "Съешь же ещё этих мягких французских булок, да выпей чаю."
GREEK = "Αυτή είναι μια ελληνική πρόταση. Ο καιρός σήμερα είναι καλός."  # noqa: RUF001 - its own letters
TURKISH = "Bugün hava çok güzel, İstanbul'da şöyle bir yürüyüş yapalım ğ ı ş."  # noqa: RUF001 - its own letters
HEBREW = "זהו משפט בעברית. מזג האוויר היום נעים מאוד."
JAPANESE = "これは日本語の文章です。東京は今日も晴れています。"
CHINESE = "这是一个中文句子。今天北京的天气很好，我们去公园散步。"  # noqa: RUF001 - its own letters
TAIWANESE = "這是一個中文句子。今天台北的天氣很好，我們去公園散步。"  # noqa: RUF001 - its own letters
KOREAN = "이것은 한국어 문장입니다. 오늘 서울의 날씨는 매우 좋습니다."


@pytest.mark.parametrize("times", [1, 400])
@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        *[
            ("cp1252", text)
            for text in (GERMAN, "café", "Señor, ¿qué tal? Mañana", "Ærø, Ålesund", "été café")
        ],
        *[("cp1252", text) for text in ("Le garçon a mangé une crêpe, où êtes-vous?", "naïve")],
        *[(name, text) for name in ("cp1250", "iso-8859-2") for text in (POLISH, CZECH)],
        *[(name, RUSSIAN) for name in ("cp1251", "koi8-r")],
        *[("cp1253", GREEK), ("cp1254", TURKISH), ("cp1255", HEBREW)],
        *[(name, JAPANESE) for name in ("shift_jis", "euc-jp", "iso-2022-jp")],
        *[("shift_jis", "Error E4: ボイラー故障 (boiler)"), ("gb18030", CHINESE)],
        *[("gb18030", "锅炉故障代码"), ("big5", TAIWANESE), ("big5", "鍋爐故障代碼與維修手冊")],
        *[("euc-kr", KOREAN), ("euc-kr", "보일러 고장 코드 E4")],
        *[(f"utf-{bits}", JAPANESE + GERMAN) for bits in (8, 16, 32)],
        *[("utf-16-le", GERMAN), ("utf-16-be", GERMAN), ("utf-8-sig", GERMAN)],
    ],
)
def test_what_does_not_say_its_encoding_is_told_by_its_looks(
    encoding: str, text: str, times: int
) -> None:
    assert decode((text * times).encode(encoding)) == text * times


@pytest.mark.parametrize(
    "source",
    [
        '<meta charset="iso-8859-5">{}',
        '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-5">{}',
        '<?xml version="1.0" encoding="iso-8859-5"?>{}',
        "#!/usr/bin/python\n# -*- coding: iso-8859-5 -*-\n{}",
        '@charset "iso-8859-5";\n{}',
    ],
)
def test_what_says_its_encoding_is_believed(source: str) -> None:
    text = source.format("Ещё")
    assert decode(text.encode("iso-8859-5")) == text


@pytest.mark.parametrize(
    "declared", ["iso-8859-1", "no-such", "utf-16", "utf-7", "\udcff", "rot13"]
)
def test_a_declaration_that_cannot_be_is_not(declared: str) -> None:
    assert decode(GERMAN.encode("cp1252"), declared) == GERMAN


@pytest.mark.parametrize(
    "data", [b"a\0b", b"\0\0\0\0\0\0\0\0", b"\1\2\3\4 text", bytes(range(256))]
)
def test_what_is_no_text_is_none(data: bytes) -> None:
    assert decode(data) is None
