"""How often the encoding of a text is guessed right, from its first characters and from more.

    python benchmarks/encodings.py

reads samples of one or two sentences in the encodings that their languages were written in, as
`Document.from_bytes` does, and counts those that come back as they were; the others are named.
Beside it stands charset-normalizer where it is installed, as it is with requests.
"""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING

from minikit import Document, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "fr": (
        "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont "
        "doués de raison et de conscience et doivent agir les uns envers les autres dans un "
        "esprit de fraternité. Chacun peut se prévaloir de tous les droits et de toutes les "
        "libertés proclamés dans la présente Déclaration, sans distinction aucune.",
        ("cp1252", "iso8859-15"),
    ),
    "de": (
        "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit "
        "Vernunft und Gewissen begabt und sollen einander im Geiste der Brüderlichkeit "
        "begegnen. Jeder hat Anspruch auf alle in dieser Erklärung verkündeten Rechte und "
        "Freiheiten, ohne irgendeinen Unterschied, etwa nach Rasse, Hautfarbe, Geschlecht.",
        ("cp1252", "mac_roman", "cp850"),
    ),
    "es": (
        "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados "
        "como están de razón y conciencia, deben comportarse fraternalmente los unos con los "
        "otros. Toda persona tiene los derechos y libertades proclamados en esta Declaración,"
        " sin distinción alguna de raza, color, sexo, idioma, religión, opinión política.",
        ("cp1252",),
    ),
    "sv": (
        "Alla människor är födda fria och lika i värde och rättigheter. De är utrustade med "
        "förnuft och samvete och bör handla gentemot varandra i en anda av broderskap. Var "
        "och en är berättigad till alla de rättigheter och friheter som uttalas i denna "
        "förklaring utan åtskillnad av något slag.",
        ("cp1252",),
    ),
    "pl": (
        "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są "
        "oni obdarzeni rozumem i sumieniem i powinni postępować wobec innych w duchu "
        "braterstwa. Każdy człowiek posiada wszystkie prawa i wolności zawarte w niniejszej "
        "Deklaracji bez względu na jakiekolwiek różnice.",
        ("cp1250", "iso8859-2"),
    ),
    "cs": (
        "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv. Jsou nadáni "
        "rozumem a svědomím a mají spolu jednat v duchu bratrství. Každý má všechna práva a "
        "všechny svobody, stanovené touto deklarací, bez jakéhokoli rozlišování, zejména "
        "podle rasy, barvy, pohlaví, jazyka.",
        ("cp1250", "iso8859-2"),
    ),
    "hu": (
        "Minden emberi lény szabadon születik és egyenlő méltósága és joga van. Az emberek, "
        "ésszel és lelkiismerettel bírván, egymással szemben testvéri szellemben kell hogy "
        "viseltessenek. Mindenki, bármely megkülönböztetésre, nevezetesen fajra, színre, "
        "nemre, nyelvre való tekintet nélkül.",
        ("cp1250",),
    ),
    "ru": (
        "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены "
        "разумом и совестью и должны поступать в отношении друг друга в духе братства. "
        "Каждый человек должен обладать всеми правами и всеми свободами, провозглашенными "
        "настоящей Декларацией.",
        ("cp1251", "koi8_r", "cp866"),
    ),
    "uk": (
        "Всі люди народжуються вільними і рівними у своїй гідності та правах. Вони наділені "
        "розумом і совістю і повинні діяти у відношенні один до одного в дусі братерства. "
        "Кожна людина повинна мати всі права і всі свободи, проголошені цією Декларацією.",
        ("cp1251", "koi8_u"),
    ),
    "el": (
        "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. "
        "Είναι προικισμένοι με λογική και συνείδηση, και οφείλουν να συμπεριφέρονται μεταξύ "
        "τους με πνεύμα αδελφοσύνης.",
        ("cp1253", "iso8859-7"),
    ),
    "tr": (
        "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana "
        "sahiptirler ve birbirlerine karşı kardeşlik zihniyeti ile hareket etmelidirler. "
        "Herkes, ırk, renk, cinsiyet, dil, din, siyasi veya diğer herhangi bir akide farkı "
        "gözetilmeksizin.",
        ("cp1254",),
    ),
    "he": (
        "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון, "
        "לפיכך חובה עליהם לנהוג איש ברעהו ברוח של אחווה. כל אדם זכאי לזכויות ולחרויות שנקבעו "
        "בהכרזה זו ללא הפליה כלשהיא.",
        ("cp1255",),
    ),
    "ar": (
        "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق، وقد وهبوا عقلا وضميرا وعليهم أن "
        "يعامل بعضهم بعضا بروح الإخاء. لكل إنسان حق التمتع بكافة الحقوق والحريات الواردة في "
        "هذا الإعلان، دون أي تمييز.",
        ("cp1256",),
    ),
    "th": (
        "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ "
        "ต่างมีเหตุผลและมโนธรรม และควรปฏิบัติต่อกันด้วยเจตนารมณ์แห่งภราดรภาพ",
        ("cp874",),
    ),
    "ja": (
        "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。"
        "人間は、理性と良心とを授けられており、"
        "互いに同胞の精神をもって行動しなければならない。",
        ("shift_jis", "euc_jp", "iso2022_jp"),
    ),
    "zh": (
        "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。"
        "人人有资格享有本宣言所载的一切权利和自由,不分种族、肤色、性别、语言、宗教、"
        "政治或其他见解。",
        ("gbk", "gb18030"),
    ),
    "zht": (
        "人人生而自由,在尊嚴和權利上一律平等。他們賦有理性和良心,並應以兄弟關係的精神相對待。"
        "人人有資格享有本宣言所載的一切權利和自由,不分種族、膚色、性別、語言、宗教。",
        ("big5",),
    ),
    "ko": (
        "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 인간은 "
        "천부적으로 이성과 양심을 부여받았으며 서로 형제애의 정신으로 행동하여야 한다.",
        ("euc_kr",),
    ),
    "en": (
        "“All human beings” are born free – and equal in dignity and rights. They’re endowed "
        "with reason and conscience, and should act towards one another in a spirit of "
        "brotherhood… The café’s price was £5.",
        ("cp1252",),
    ),
    "vi": (
        "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền.",
        ("cp1258",),
    ),
    "code": (
        "# Copyright © 2004 Jérôme Müller\ndef main(argv):\n    for item in argv:\n        "
        "print(item)\n",
        ("cp1252", "iso8859-15"),
    ),
    "en1": (
        "The quick brown fox doesn’t jump over the lazy dog. It costs £5 and no more than "
        "that; the manager said so in the meeting.",
        ("cp1252",),
    ),
    "en2": (
        "Plain text with a single accented name, José, in a long run of plain English prose "
        "that tells nothing about the encoding at all.",
        ("cp1252", "mac_roman"),
    ),
    "csv": (
        "Name;Ort;Straße\nMüller;Köln;Hauptstr. 5\nGroß;Düsseldorf;Königsallee 3\n",
        ("cp1252",),
    ),
    "gr": (
        "Grüße aus Köln, größer als ße. ",
        ("cp1252",),
    ),
    "it": (
        "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Essi sono "
        "dotati di ragione e di coscienza, perché è così.",
        ("cp1252",),
    ),
    "pt": (
        "Todos os seres humanos nascem livres e iguais em dignidade e em direitos. Dotados "
        "de razão e de consciência, não há distinção.",
        ("cp1252",),
    ),
    "nl": (
        "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren. Geëerde "
        "coördinatie van één idee.",
        ("cp1252",),
    ),
    "da": (
        "Alle mennesker er født frie og lige i værdighed og rettigheder. De er udstyret med "
        "fornuft og samvittighed, og bør handle mod hverandre i en broderskabets ånd.",
        ("cp1252",),
    ),
    "fi": (
        "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan. "
        "Heille on annettu järki ja omatunto, ja heidän on toimittava.",
        ("cp1252",),
    ),
}


def main() -> None:
    """Print a line for each guesser and length."""
    guessers: dict[str, Callable[[bytes], str | None]] = {"minikit": ours}
    try:
        from charset_normalizer import from_bytes
    except ImportError:
        pass
    else:
        guessers["charset-normalizer"] = lambda data: str(from_bytes(data).best() or "")
    for name, guess in guessers.items():
        for characters in (60, 400, 8_000):
            start = time.perf_counter()
            right, wrong = measured(guess, characters)
            seconds = time.perf_counter() - start
            print(f"{name}, {characters:,} characters: {right} of {right + len(wrong)} right in")
            print(f"  {seconds:.2f} s; wrong: {', '.join(wrong)}")


def ours(data: bytes) -> str | None:
    """Read as minikit does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return Document.from_bytes(data, origin="sample.txt").text
        except SourceError:
            return None


def measured(guess: Callable[[bytes], str | None], characters: int) -> tuple[int, list[str]]:
    """Return how many samples came back, and which did not."""
    right, wrong = 0, []
    for language, (text, encodings) in SAMPLES.items():
        sample = ((text + "\n") * (1 + characters // len(text)))[:characters]
        for encoding in encodings:
            data = sample.encode(encoding, "ignore")
            if guess(data) == data.decode(encoding):
                right += 1
            else:
                wrong.append(f"{language} in {encoding}")
    return right, wrong


if __name__ == "__main__":
    main()
