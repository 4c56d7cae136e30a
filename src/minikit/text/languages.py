"""Languages to translate into: their codes (BCP 47), names, scripts and plural forms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import cast

from minikit.errors import ArgumentError
from minikit.text.plurals import FAMILIES, Plurals

__all__ = ["Language", "languages", "read_language"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """A language, as it is written in a country or a script where its code says so.

    Attributes:
        code: Its code by BCP 47, such as "de", "pt-BR" or "zh-Hant".
        name: Its English name, such as "Portuguese (Brazil)".
        script: The first word of the Unicode names of its letters, such as "CYRILLIC"; "" where
            that is not known, or it is written in Latin letters.
        plurals: Its plural forms.
    """

    code: str
    name: str
    script: str
    plurals: Plurals

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"

    @property
    def base(self) -> str:
        """The code without script and country."""
        return self.code.split("-")[0]


def read_language(value: object) -> Language:
    """Return the language that a code or a name stands for.

    Args:
        value: A code such as "de", "pt-BR", "pt_BR" or "zh-Hant", or a name in English or in the
            language itself, such as "German", "Deutsch" or "Brazilian Portuguese"; case does not
            matter. Any country may follow the code of a language.

    Raises:
        ArgumentError: No language is called so; the message names those that are called nearly so.
    """
    if isinstance(value, Language):
        return value
    if not isinstance(value, str) or not value.strip():
        raise ArgumentError(
            f'a language is a code or a name, such as "de" or "German", one at a time: {value!r}'
        )
    wanted = _folded(value)
    found = _names().get(wanted) or _varied(wanted)
    if found is None:
        raise ArgumentError(f"unknown language {value[:60]!r}{_near(wanted)}")
    return found


@cache
def languages() -> tuple[Language, ...]:
    """Return every language of the table, by name, without those of a country or a script."""
    return tuple(language for language, _ in _rows())


@cache
def _rows() -> tuple[tuple[Language, str], ...]:
    """Return each language with its own name for itself."""
    rows = ([cell.strip() for cell in line.split("|")] for line in _TABLE.strip().splitlines())
    return tuple(
        (Language(code=code, name=name, script=script.upper(), plurals=FAMILIES[plurals]), own)
        for code, name, own, script, plurals in rows
    )


@cache
def _names() -> dict[str, Language]:
    """Return the languages by code, by English name and by own name, folded."""
    names: dict[str, Language] = {}
    for language, own in _rows():
        for name in (language.code, language.name, own):
            names[_folded(name)] = language
    for code, base, name, *others in _VARIANTS:
        variant = _variant(names[base], code, name)
        for each in (code, name, *others):
            names[_folded(each)] = variant
    return names


def _variant(base: Language, code: str, name: str) -> Language:
    script = _SCRIPTS.get(code.split("-")[1], base.script)
    plurals = FAMILIES["french"] if code == "pt-BR" else base.plurals
    return Language(code=code, name=name, script=script, plurals=plurals)


def _varied(wanted: str) -> Language | None:
    """Return a language of the table in another script or country, such as "de-AT"."""
    found = _TAG.fullmatch(wanted)
    base = found and _names().get(found["language"])
    if not found or not base:
        return None
    script, country = found["script"], found["country"]
    parts = [script.title()] if script else []
    parts += [country.upper()] if country else []
    code = "-".join([base.code, *parts])
    return _variant(base, code, f"{base.name} ({', '.join(parts)})")


def _folded(name: str) -> str:
    return re.sub(r"[\s_-]+", "-", name.strip()).casefold()


def _near(wanted: str) -> str:
    from difflib import get_close_matches

    names = _names()
    near = get_close_matches(wanted[:40], names, n=6, cutoff=0.6)
    told = dict.fromkeys(str(names[name]) for name in near)
    if told:
        return f"; did you mean {' or '.join(list(told)[:3])}?"
    return '; a language is a code by BCP 47 or a name, such as "de", "pt-BR", "zh-Hant", "German"'


_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-(?P<script>[a-z]{4}))?(?:-(?P<country>[a-z]{2}|\d{3}))?"
)
_SCRIPTS = {"Latn": "", "Cyrl": "CYRILLIC", "Arab": "ARABIC", "Deva": "DEVANAGARI"}
_VARIANTS = cast(
    "tuple[tuple[str, ...], ...]",
    (
        (
            "zh-Hans",
            "zh",
            "Chinese (Simplified)",
            "Simplified Chinese",
            "zh-CN",
            "zh-SG",
            "zh-Hans-CN",
            "简体中文",
        ),
        (
            "zh-Hant",
            "zh",
            "Chinese (Traditional)",
            "Traditional Chinese",
            "zh-TW",
            "zh-Hant-TW",
            "繁體中文",
        ),
        ("zh-HK", "zh", "Chinese (Traditional, Hong Kong)", "zh-Hant-HK"),
        ("pt-BR", "pt", "Portuguese (Brazil)", "Brazilian Portuguese", "português do Brasil"),
        ("pt-PT", "pt", "Portuguese (Portugal)", "European Portuguese"),
        ("en-US", "en", "English (United States)", "American English"),
        ("en-GB", "en", "English (United Kingdom)", "British English"),
        ("es-419", "es", "Spanish (Latin America)", "Latin American Spanish"),
        ("es-ES", "es", "Spanish (Spain)", "Castilian", "European Spanish"),
        ("es-MX", "es", "Spanish (Mexico)", "Mexican Spanish"),
        ("fr-CA", "fr", "French (Canada)", "Canadian French"),
        ("fr-FR", "fr", "French (France)"),
        ("de-DE", "de", "German (Germany)"),
        ("de-AT", "de", "German (Austria)", "Austrian German"),
        ("de-CH", "de", "German (Switzerland)", "Swiss High German"),
        ("sr-Latn", "sr", "Serbian (Latin)"),
        ("sr-Cyrl", "sr", "Serbian (Cyrillic)"),
        ("nl-BE", "nl", "Dutch (Belgium)", "Flemish"),
    ),
)
# ISO 639 code, English name, own name, script where it is not Latin, family of plural forms. Codes
# and names as in CLDR by way of Babel 2.18 (read 2026-11-22), which is 10 MB of data on disk of
# which these lines are what is needed here; the same goes for langcodes with its language_data.
_TABLE = """
af | Afrikaans | Afrikaans | | two
sq | Albanian | shqip | | two
am | Amharic | አማርኛ | Ethiopic | french
ar | Arabic | العربية | Arabic | arabic
hy | Armenian | հայերեն | Armenian | french
as | Assamese | অসমীয়া | Bengali | french
ast | Asturian | asturianu | | two
ay | Aymara | Aymar aru | | none
az | Azerbaijani | azərbaycan | | two
bm | Bambara | bamanakan | | none
eu | Basque | euskara | | two
be | Belarusian | беларуская | Cyrillic | slavic
bn | Bengali | বাংলা | Bengali | french
bho | Bhojpuri | भोजपुरी | Devanagari | two
bs | Bosnian | bosanski | | balkan
br | Breton | brezhoneg | | breton
bg | Bulgarian | български | Cyrillic | two
my | Burmese | မြန်မာ | Myanmar | none
yue | Cantonese | 粵語 | CJK | none
ca | Catalan | català | | two
ceb | Cebuano | Cebuano | | two
ckb | Central Kurdish | کوردیی ناوەندی | Arabic | two
zh | Chinese | 中文 | CJK | none
co | Corsican | corsu | | two
hr | Croatian | hrvatski | | balkan
cs | Czech | čeština | | czech
da | Danish | dansk | | two
dv | Divehi | ދިވެހިބަސް | Thaana | two
nl | Dutch | Nederlands | | two
en | English | English | | two
eo | Esperanto | Esperanto | | two
et | Estonian | eesti | | two
ee | Ewe | eʋegbe | | two
fo | Faroese | føroyskt | | two
fil | Filipino | Filipino | | french
fi | Finnish | suomi | | two
fr | French | français | | french
fy | Frisian | Frysk | | two
fur | Friulian | furlan | | french
gl | Galician | galego | | two
lg | Ganda | Luganda | | two
ka | Georgian | ქართული | Georgian | two
de | German | Deutsch | | two
el | Greek | Ελληνικά | Greek | two
gn | Guarani | avañe’ẽ | | two
gu | Gujarati | ગુજરાતી | Gujarati | french
ht | Haitian Creole | Kreyòl Ayisyen | | two
ha | Hausa | Hausa | | two
haw | Hawaiian | ʻŌlelo Hawaiʻi | | two
he | Hebrew | עברית | Hebrew | two
hi | Hindi | हिन्दी | Devanagari | french
hu | Hungarian | magyar | | two
is | Icelandic | íslenska | | icelandic
ig | Igbo | Igbo | | none
id | Indonesian | Indonesia | | none
ia | Interlingua | interlingua | | two
ga | Irish | Gaeilge | | irish
it | Italian | italiano | | two
ja | Japanese | 日本語 | CJK | none
jv | Javanese | Jawa | | none
kab | Kabyle | Taqbaylit | | two
kn | Kannada | ಕನ್ನಡ | Kannada | french
kk | Kazakh | қазақ тілі | Cyrillic | two
km | Khmer | ខ្មែរ | Khmer | none
rw | Kinyarwanda | Ikinyarwanda | | two
ko | Korean | 한국어 | Hangul | none
ku | Kurdish | kurdî (kurmancî) | | two
ky | Kyrgyz | кыргызча | Cyrillic | two
lo | Lao | ລາວ | Lao | none
la | Latin | Latina | | two
lv | Latvian | latviešu | | latvian
ln | Lingala | lingála | | french
lt | Lithuanian | lietuvių | | lithuanian
lb | Luxembourgish | Lëtzebuergesch | | two
mk | Macedonian | македонски | Cyrillic | icelandic
mai | Maithili | मैथिली | Devanagari | none
mg | Malagasy | Malagasy | | french
ms | Malay | Melayu | | none
ml | Malayalam | മലയാളം | Malayalam | two
mt | Maltese | Malti | | maltese
mi | Maori | Māori | | two
mr | Marathi | मराठी | Devanagari | two
mn | Mongolian | монгол | Cyrillic | two
ne | Nepali | नेपाली | Devanagari | two
nso | Northern Sotho | Sesotho sa Leboa | | french
no | Norwegian | norsk | | two
nb | Norwegian Bokmål | norsk bokmål | | two
nn | Norwegian Nynorsk | norsk nynorsk | | two
oc | Occitan | occitan | | two
or | Odia | ଓଡ଼ିଆ | Oriya | two
om | Oromo | Oromoo | | two
pap | Papiamento | Papiamentu | | two
ps | Pashto | پښتو | Arabic | two
fa | Persian | فارسی | Arabic | french
pl | Polish | polski | | polish
pt | Portuguese | português | | two
pa | Punjabi | ਪੰਜਾਬੀ | Gurmukhi | french
qu | Quechua | Runasimi | | none
ro | Romanian | română | | romanian
rm | Romansh | rumantsch | | two
rn | Rundi | Ikirundi | | none
ru | Russian | русский | Cyrillic | slavic
sm | Samoan | Gagana Sāmoa | | none
sa | Sanskrit | संस्कृत भाषा | Devanagari | none
sc | Sardinian | sardu | | two
gd | Scottish Gaelic | Gàidhlig | | gaelic
sr | Serbian | српски | Cyrillic | balkan
sn | Shona | chiShona | | two
szl | Silesian | ślōnski | | two
sd | Sindhi | سنڌي | Arabic | two
si | Sinhala | සිංහල | Sinhala | two
sk | Slovak | slovenčina | | czech
sl | Slovenian | slovenščina | | slovenian
so | Somali | Soomaali | | two
st | Southern Sotho | Sesotho | | two
es | Spanish | español | | two
su | Sundanese | Basa Sunda | | none
sw | Swahili | Kiswahili | | two
sv | Swedish | svenska | | two
tl | Tagalog | Tagalog | | french
tg | Tajik | тоҷикӣ | Cyrillic | none
ta | Tamil | தமிழ் | Tamil | two
tt | Tatar | татар | Cyrillic | none
te | Telugu | తెలుగు | Telugu | two
th | Thai | ไทย | Thai | none
bo | Tibetan | བོད་སྐད་ | Tibetan | none
ti | Tigrinya | ትግርኛ | Ethiopic | french
ts | Tsonga | Xitsonga | | two
tn | Tswana | Setswana | | two
tr | Turkish | Türkçe | | two
tk | Turkmen | türkmen dili | | two
uk | Ukrainian | українська | Cyrillic | slavic
hsb | Upper Sorbian | hornjoserbšćina | | slovenian
ur | Urdu | اردو | Arabic | two
ug | Uyghur | ئۇيغۇرچە | Arabic | two
uz | Uzbek | o‘zbek | | two
vec | Venetian | veneto | | two
vi | Vietnamese | Tiếng Việt | | none
cy | Welsh | Cymraeg | | welsh
wo | Wolof | Wolof | | none
xh | Xhosa | IsiXhosa | | two
yi | Yiddish | ייִדיש | Hebrew | two
yo | Yoruba | Èdè Yorùbá | | none
zu | Zulu | isiZulu | | french
"""
