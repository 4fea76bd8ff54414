"""A reader of Lua 5.1 that resolves names: which are local, which are free, and how many upvalues a function has.

It knows the grammar but nothing of values. ``--`` comments are skipped; long brackets are not used in our files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"(?P<skip>\s+|--[^\n]*)|(?P<name>[A-Za-z_]\w*)|(?P<string>'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\")"
    r"|(?P<number>0[xX][\da-fA-F]+|\d+\.?\d*(?:[eE][+-]?\d+)?)|(?P<sign>\.\.\.|\.\.|[=~<>]=|[-+*/%^#<>=(){}\[\];:,.])"
)
_KEYWORDS = frozenset(
    {
        "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil", "not",
        "or", "repeat", "return", "then", "true", "until", "while",
    }
)  # fmt: skip
_BINARY = frozenset(["+", "-", "*", "/", "%", "^", "..", "==", "~=", "<", ">", "<=", ">=", "and", "or"])
_BLOCK_ENDS = frozenset(["end", "else", "elseif", "until", ""])


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    offset: int


@dataclass(slots=True)
class Function:
    """One function; the main chunk is one too. ``declared`` counts the locals of its outermost block."""

    name: str
    line: int
    outer: Function | None = None
    declared: int = 0
    upvalues: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Chunk:
    """A text that was read. Of ``top`` and ``free``, the values are the offsets at which the name stands."""

    functions: list[Function]
    top: dict[str, list[int]]
    free: dict[str, list[int]]
    #: Each string and each name, in order: what a table ``{ err = 'WORD' }`` is found by.
    tokens: list[Token]

    @property
    def main(self) -> Function:
        return self.functions[0]


@dataclass(slots=True)
class _Scope:
    function: Function
    names: dict[str, list[int]] = field(default_factory=dict)


def read(text: str) -> Chunk:
    """Resolve all names of a chunk. Raises SyntaxError where it is not Lua."""
    return _Reader(text).chunk()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._at = 0
        main = Function("main chunk", 1)
        self._functions = [main]
        self._scopes = [_Scope(main)]
        self._free: dict[str, list[int]] = {}

    def chunk(self) -> Chunk:
        self._block()
        if self._next.text:
            raise self._unexpected()
        return Chunk(self._functions, self._scopes[0].names, self._free, self._tokens)

    # -- tokens

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _accept(self, *texts: str) -> bool:
        if self._next.kind != "string" and self._next.text in texts:
            self._at += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self._unexpected()

    def _name(self) -> Token:
        token = self._take()
        if token.kind != "name":
            self._at -= 1
            raise self._unexpected()
        return token

    def _unexpected(self) -> SyntaxError:
        return SyntaxError(f"line {self._line()}: unexpected {self._next.text!r}")

    def _line(self) -> int:
        return self._text.count("\n", 0, self._next.offset) + 1

    # -- names

    def _declare(self, token: Token) -> None:
        scope = self._scopes[-1]
        scope.names.setdefault(token.text, []).append(token.offset)
        if len(self._scopes) == 1 or self._scopes[-2].function is not scope.function:
            scope.function.declared += 1

    def _use(self, token: Token) -> None:
        for scope in reversed(self._scopes):
            if token.text in scope.names:
                scope.names[token.text].append(token.offset)
                function: Function | None = self._scopes[-1].function
                while function is not None and function is not scope.function:
                    function.upvalues.add(token.text)
                    function = function.outer
                return
        self._free.setdefault(token.text, []).append(token.offset)

    # -- statements

    def _block(self, *names: Token) -> None:
        """Read up to the keyword that ends the block, in a scope of its own with these names."""
        is_main = self._at == 0
        if not is_main:
            self._scopes.append(_Scope(self._scopes[-1].function))
        for name in names:
            self._declare(name)
        while self._next.text not in _BLOCK_ENDS or self._next.kind == "string":
            self._statement()
            self._accept(";")
        if not is_main and self._next.text != "until":
            self._scopes.pop()

    def _statement(self) -> None:
        if self._accept("local"):
            self._local()
        elif self._accept("if"):
            self._branches()
        elif self._accept("while"):
            self._expression()
            self._loop()
        elif self._accept("for"):
            self._for()
        elif self._accept("repeat"):
            self._block()
            self._expect("until")
            self._expression()  # sees the locals of the block
            self._scopes.pop()
        elif self._accept("do"):
            self._block()
            self._expect("end")
        elif self._accept("return"):
            if self._next.text not in _BLOCK_ENDS | {";"} or self._next.kind == "string":
                self._expressions()
        elif not self._accept("break"):
            self._call_or_assignment()

    def _local(self) -> None:
        if self._accept("function"):
            name = self._name()
            self._declare(name)
            self._function(name.text)
            return
        names = self._names()
        if self._accept("="):
            self._expressions()
        for name in names:
            self._declare(name)

    def _branches(self) -> None:
        self._expression()
        self._expect("then")
        self._block()
        if self._accept("elseif"):
            self._branches()
            return
        if self._accept("else"):
            self._block()
        self._expect("end")

    def _for(self) -> None:
        names = self._names()
        if not self._accept("=", "in"):
            raise self._unexpected()
        self._expressions()
        self._loop(*names)

    def _loop(self, *names: Token) -> None:
        self._expect("do")
        self._block(*names)
        self._expect("end")

    def _call_or_assignment(self) -> None:
        self._suffixed()
        while self._accept(","):
            self._suffixed()
        if self._accept("="):
            self._expressions()

    def _names(self) -> list[Token]:
        names = [self._name()]
        while self._accept(","):
            names.append(self._name())
        return names

    # -- expressions

    def _expressions(self) -> None:
        self._expression()
        while self._accept(","):
            self._expression()

    def _expression(self) -> None:
        while self._accept("not", "-", "#"):
            pass
        self._operand()
        while self._accept(*_BINARY):
            while self._accept("not", "-", "#"):
                pass
            self._operand()

    def _operand(self) -> None:
        if self._next.kind in ("string", "number"):
            self._take()
        elif self._accept("function"):
            self._function("a function")
        elif self._next.text == "{":
            self._table()
        elif not self._accept("nil", "true", "false", "..."):
            self._suffixed()

    def _suffixed(self) -> None:
        if self._accept("("):
            self._expression()
            self._expect(")")
        else:
            self._use(self._name())
        while True:
            if self._accept("."):
                self._name()
            elif self._accept("["):
                self._expression()
                self._expect("]")
            elif self._accept("("):
                if not self._accept(")"):
                    self._expressions()
                    self._expect(")")
            else:
                return

    def _table(self) -> None:
        self._expect("{")
        while not self._accept("}"):
            if self._accept("["):
                self._expression()
                self._expect("]")
                self._expect("=")
            elif self._next.kind == "name" and self._tokens[self._at + 1].text == "=":
                self._at += 2
            self._expression()
            if not self._accept(",", ";") and self._next.text != "}":
                raise self._unexpected()

    def _function(self, name: str) -> None:
        function = Function(name, self._line(), self._scopes[-1].function)
        self._functions.append(function)
        self._expect("(")
        self._scopes.append(_Scope(function))
        parameters = [] if self._next.text in (")", "...") else self._names()
        self._accept("...")
        self._expect(")")
        self._block(*parameters)
        self._expect("end")
        self._scopes.pop()


def _tokens(text: str) -> list[Token]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match or not match.lastgroup:
            raise SyntaxError(f"line {text.count(chr(10), 0, at) + 1}: unexpected {text[at]!r}")
        if match.lastgroup != "skip":
            kind = "keyword" if match[0] in _KEYWORDS else match.lastgroup
            found.append(Token(kind, match[0], at))
        at = match.end()
    return [*found, Token("end", "", len(text))]
