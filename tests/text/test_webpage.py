"""HTML as readable text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikit.text.webpage import page_text


def body(html: str) -> str:
    """Return the text of a page with `html` in its body."""
    return page_text(f"<!doctype html><html><body>{html}</body></html>")


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<h1>One</h1><p>Two\n  three.</p>four", "# One\n\nTwo three.\n\nfour\n"),
        ("<div>a<div>b</div></div>c", "a\nb\nc\n"),
        ("a<br>b<br><br>c", "a\nb\n\nc\n"),
        ("<p>Hi <b>bold</b>, <i>it</i> .</p>", "Hi bold, it .\n"),
        ("<ul><li>a<ul><li>b</ul><li>c</ul>d", "- a\n  - b\n- c\n\nd\n"),
        ("<ol start=3><li>a<li>b<li value=9>c<li>d</ol>", "3. a\n4. b\n9. c\n10. d\n"),
        ("<ol start=x><li value=-1>a</ol><li>b", "1. a\n\n- b\n"),
        ("<table><tr><th>A<th>B<tr><td>1<td>2</table>", "A | B\n1 | 2\n"),
        ("<table><tr><td><p>one</p><td>x<tr><td><td>y</table>", "one | x\ny\n"),
        ("<table><tr><td><p>A<td><div>5 €</div></table>end", "A | 5 €\n\nend\n"),
        ("<table><tr><td><p>a<p>b<td>c<tr><td>d</table>", "a\n\nb\n\nc\nd\n"),
        ("<table><tr><td><table><td>1<td>2<tr><td>3</table><td>4</table>", "1 | 2\n3\n\n4\n"),
        ("<table><tr><td>a<br>b<td>c</table>", "a\nb\nc\n"),
        ("<pre>def f():\n    pass</pre>x", "```\ndef f():\n    pass\n```\n\nx\n"),
        ("<pre>ends\n</pre>", "```\nends\n```\n"),
        ("<p>5 * 3 under_score [x] # no</p>", "5 * 3 under_score [x] # no\n"),
        ("a &lt;b&gt; &copy; &#x41;", "a <b> © A\n"),
        ('<a href="https://a.b/c">site</a> <a href="/in">here</a>', "[site](https://a.b/c) here\n"),
        ('x<p><a href="mailto:a@b.c">mail</a> y', "x\n\n[mail](mailto:a@b.c) y\n"),
        ('<a href="https://a.b"><p>a</p><p>b</p></a>', "a\n\nb\n"),
        ('<a href="https://a.b"></a><a href="javascript:x()">c</a>', "c\n"),
        ('<img alt="A cat" src=x> <img alt=""><img src=y>', "[image: A cat]\n"),
        ("<script>x</script><style>y</style><noscript>z</noscript><p hidden>h</p><!-- c -->", ""),
        ("<template>t</template><svg><text>s</text></svg><select><option>o</select>", ""),
        ("<p>unclosed <b>bold <i>x</b> y<td>z", "unclosed bold x yz\n"),
    ],
)
def test_what_a_reader_sees(html: str, text: str) -> None:
    """Blocks, lists, tables, code and links are told apart; what is not shown is left out."""
    assert body(html) == text


def test_the_title_stands_for_a_missing_heading() -> None:
    """A page without a heading of level 1 begins with its title; another keeps its own."""
    assert page_text("<title>The  title</title><h2>Part</h2>") == "# The title\n\n## Part\n"
    assert page_text("<title>Site</title><h1>Page</h1>") == "# Page\n"
    assert page_text("") == ""


def test_deep_pages() -> None:
    """Pages that nest thousands of elements are read; the tree is not walked by recursion."""
    assert body("<div>" * 3_000 + "x") == "x\n"
    assert body("<ul><li>" * 2_000 + "x").strip() == "- x"


@pytest.mark.parametrize("start", ["<a ", '<a x="', "<!--", "<![CDATA[", "</", "&", "<p><b>"])
def test_broken_pages(start: str) -> None:
    """Markup that never ends is read to its end."""
    assert isinstance(body(start * 5_000), str)


@settings(deadline=None, max_examples=50)
@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"])))
def test_words_are_kept(words: str) -> None:
    """Text without markup is read as it is."""
    plain = words.replace("<", "").replace("&", "")
    assert body(f"<p>x{plain}x</p>") == f"x{plain}x\n"
