# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the English of the repository: words to avoid, sentences that are too long, and one spelling, the American one.

``tests/run prose`` prints one line per problem, with the file, the line and what to write instead. To check some files only, name them:
``.venv/bin/python tests/tools/prose.py plugins/modules``. To add a rule, add a row to ``RULES``.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Git's patterns of the files to check. The tests are not checked.
FILES = ("*.md", "docs/*.rst", "changelogs/fragments/*.yml", "roles", "playbooks", "plugins", ":!tests")
LONGEST = 40

# What must not be written (a regular expression; a blank matches any white space) -> what to write instead.
RULES = {
    # Latin, politeness, filler, emphasis
    r"\b(?:e\.g|i\.e|cf|viz|vs|etc)\.": "for example, that is, compare, namely, versus, and so on",
    r"\bplease\b|\bsimply\b|\bof course\b|\bobviously\b": "nothing: delete it",
    r"\bin order to\b": "to",
    r"\bwhilst\b|\bamongst\b|\bupon\b|\blest\b|\banew\b(?!:)": "while, among, on, in case, again",
    r"\bthus\b|\bhence\b|\b(?:there|here|where)(?:of|by|in|upon)\b": "so, of it, by it, in it",
    r"\butili[sz]e": "use",
    r"\w!(?= |$)": "a period instead of the exclamation mark",
    # Telegraphic and translated phrases
    r"\bfor which see\b": "see",
    r"\bgo(?:es)? the (?:\w+ )?way\b|\bwhole way\b": "follows, takes every step",
    r"\b(?:of|by) (?:ours|theirs)\b": "our, their",
    r"\bhas it that\b": "says",
    r"\bwanted of\b": "required of, expected of",
    r"\bin one go\b": "at once, in one run",
    r"\bby hand\b": "manually",
    r"\blets? (?:it|them) be\b": "leaves it unchanged",
    r"\b(?:is|are|was|were) to be \w+(?:ed|en|de|ept|lt|ld|ne|un|wn|nt|id)\b": "active voice: the subject must do it",
    r"\bbehind (?:the|a|its) (?:last|first|end|statement|literal|comment|semicolon|begin)\b": "after",
    r"\b(?:warn(?:s|ed)|told|tells) of\b": "warns about, tells about",
    r"\bshall\b": "must, will",
    r"\bwhom\b": "who; name the subject",
    r"\bas (?:it|they) stands?\b": "unchanged",
    r"(?<!there\s)\b(?:is|are|was|were) no (?!longer\b|more\b|such\b)\w+": "is not a",
    r"\blook(?:s|ed|ing)? whether\b": "check whether",
    r"\blook(?:s|ed|ing)? (?:what|who|how)\b": "check, find out",
    r"\b(?:have|has|had) (?:it|them|that|the \w+) validated\b": "ask the tenant to validate",
    r"\b(?:say|said) once\b": "set once",
    r"\bsays? otherwise\b": "overrides it",
    r"\band the like\b": "such as",
    r"\bonce in a while\b": "regularly, sometimes",
    r"\bgo(?:es|ne)? on (?:where|with|from|at)\b|\bwent on (?:where|with|from|at)\b": "continues, resumes",
    r"\b(?:tak(?:e|es|en|ing)|took) (?:it |them )?back\b": "undo, deregister",
    r"\bat the most\b": "at most",
    r"\b[Tt]he same goes for\b": "this also applies to",
    r"\bpeculiar to\b": "specific to",
    r"\bin the place of\b": "instead of",
    r"\bon (?:its|their) way\b": "under way, running",
    r"\bnobody (?:knows|can tell|could tell)\b": "unknown",
    r"\bhold to\b|\bheld to\b|\bheld against\b": "compared with",
    r"(?-i:\bWho(?:ever)?) (?:has|is|wants|runs|may|can)\b(?![^.]*\?)": "name the person: a user who",
    r"\bhalf[- ]way\b": "halfway",
    r"\b(?:is|are|was|were) there already\b|\bwhat (?:is|was) there\b": "exists, the current state",
    r"\bthat (?:is|are|was|were) given\b(?! up)": "the given, that the task sets",
    r"\bthe own\b|\bin clear\b(?! text)|\bin vain\b|\bbeats\b": "its own, in plain text, without result, overrides",
    r"\bnobody thought of\b|\bfor the sake of\b": "unexpected, for",
    # British spelling
    r"\bset-ups?\b|\bclean-ups?\b": "setup, cleanup",
    r"\b(?:behavi|col|fav|hon)our": "behavior, color, favor, honor",
    r"\b(?:initial|synchron|organ|normal|author|recogn|serial|summar|minim|optim|custom)is(?:e[ds]?|ing|ation)\b": "-ize, -ization",
    r"\bcatalogue|\blicence|\bcentre\b|\banalyse|\b(?:cance|labe|mode)ll(?:ed|ing)\b": "catalog, license, center, analyze, canceled, labeled",
}
# (file, what a rule finds there) -> why it may stay.
EXCEPTIONS = {
    ("plugins/module_utils/_reconcile/jobs.py", "cancelled"): "a status of the API, as tenants spell it",
}

RULE = re.compile("|".join(f"({pattern})" for pattern in RULES).replace(" ", r"\s+"), re.I | re.M)
CODE = re.compile(r"``[^`]*``|`[^`]*`|\b[A-Z]{1,2}\([^()]*\)|https?://\S+|\{\{.*?\}\}", re.S)
MARKDOWN_CODE = re.compile(r"^```.*?^```", re.M | re.S)
RST_CODE = re.compile(r"^( *)\.\. code-block::.*\n(?:\1 +.*\n|\s*\n)+", re.M)
DOCUMENTS = ("DOCUMENTATION", "EXAMPLES", "RETURN")
# What begins a paragraph of its own: a blank line, an item, a heading, a cell of a table, a comment, a key of YAML.
PARAGRAPH = re.compile(r"\n(?=\s*\n)|^\s*(?:[-*#|]+ |\d\. |[\w.]+:(?= |$)|\* -)| \| ", re.M)


def texts(path: str) -> Iterator[tuple[int, str, bool]]:
    """The prose of a file: the number of the first line, the text, and whether it is made of sentences.

    Of Python these are comments, docstrings, the documentation of modules and, as no sentences, all other strings, messages among them.
    """
    source = (ROOT / path).read_text(encoding="utf-8")
    if not path.endswith(".py"):
        yield 1, (MARKDOWN_CODE if path.endswith(".md") else RST_CODE).sub(blank, source), True
        return
    nodes = list(ast.walk(ast.parse(source)))
    documents = {node.value for node in nodes if isinstance(node, ast.Expr) or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in DOCUMENTS)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value, node in documents
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    yield from ((token.start[0], token.string, True) for token in tokens if token.type == tokenize.COMMENT)


def blank(found: re.Match[str]) -> str:
    return "x" + "\n" * found[0].count("\n")


def problems(path: str, line: int, text: str, sentences: bool) -> Iterator[str]:
    """What is wrong in a text, one line for each problem."""
    text = CODE.sub(blank, text)
    for found in RULE.finditer(text):
        if (path, found[0]) not in EXCEPTIONS:
            number = line + text.count("\n", 0, found.start())
            yield f'{path}:{number}: "{" ".join(found[0].split())}". Write: {list(RULES.values())[(found.lastindex or 0) - 1]}'
    for sentence in (part for paragraph in PARAGRAPH.split(text) for part in re.split(r"(?<=[.?!])\s", paragraph) if sentences):
        if (count := len(re.findall(r"[\w'-]*[a-z][\w'-]*", sentence))) > LONGEST:
            number = line + text.count("\n", 0, text.find(sentence.strip()))
            yield f'{path}:{number}: {count} words in one sentence: "{" ".join(sentence.split())[:60]}". Write: two sentences'


def main(patterns: list[str]) -> int:
    listed = subprocess.run(["git", "ls-files", "-z", "--", *(patterns or FILES)], cwd=ROOT, check=True, capture_output=True, text=True)
    found = [problem for path in listed.stdout.split("\0") if path for text in texts(path) for problem in problems(path, *text)]
    print("\n".join(found) or "No problem in the prose.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
