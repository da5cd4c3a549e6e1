"""Compiles MIBs in a process of its own, which `services.operator.mibs` starts and ends in time.

It reads one JSON object from standard input: `texts`, the text that holds each module, and `modules`, the
names of those to compile. It answers with `documents`, what pysmi makes of each module, and `failed`, why it
made nothing of a module. It opens no file, and no socket: what a MIB imports is among the texts or missing.
"""

import json
import sys
from typing import Any


def refuse_network() -> None:
    """From now on nothing in this process opens a socket; whoever tries gets a PermissionError."""
    sys.addaudithook(_refuse)


def compile_modules(texts: dict[str, str], modules: list[str]) -> dict[str, Any]:
    """The answer to a question, both as above."""
    from pysmi.codegen.jsondoc import JsonCodeGen
    from pysmi.compiler import MibCompiler
    from pysmi.parser.dialect import smi_v1_relaxed
    from pysmi.parser.smi import parserFactory
    from pysmi.reader.callback import CallbackReader
    from pysmi.writer.callback import CallbackWriter

    documents: dict[str, Any] = {}

    def keep(module: str, document: str, context: object) -> None:
        documents[module] = json.loads(document)

    compiler = MibCompiler(parserFactory(**smi_v1_relaxed)(tempdir=""), JsonCodeGen(), CallbackWriter(keep))
    compiler.add_sources(CallbackReader(lambda module, context: texts.get(module)))
    found = compiler.compile(*modules, genTexts=False, ignoreErrors=True)
    failed = {module: str(status.error) for module, status in found.items() if status == "failed"}
    return {"documents": documents, "failed": failed}


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event.startswith("socket."):
        raise PermissionError(f"MIBs are compiled without a network: {event}")


if __name__ == "__main__":
    refuse_network()
    question = json.load(sys.stdin)
    json.dump(compile_modules(question["texts"], question["modules"]), sys.stdout)
