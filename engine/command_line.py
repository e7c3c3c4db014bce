"""What `welcomedly` understands. Only the words: `pipelines.commands` does what they ask."""

import argparse

EPILOGUE = """\
examples:
  welcomedly serve --demo                       the engine with a demo organisation; demo calls play by turns
  welcomedly demo --headless --language es      one demo call, start to end, with a summary of how late everything was
  welcomedly replay call.wav --legs customer,agent --country CO --campaign collections --json
  welcomedly replay calls.jsonl --knowledge articles/ --json
  welcomedly listen --legs agent --language es  the microphone, until Ctrl-C
  welcomedly check                              what is set, tried before a restart
  welcomedly models                             what is installed, with licence and hash

Settings are environment variables (README, "Settings"): for instance HTTP_PORT=8081 SIP_PORT=5062 welcomedly serve
"""


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="welcomedly",
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Listens to live calls over SIP and helps the person on them: words, mood, alerts and suggestions.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _serve(commands)
    _bridge(commands)
    _demo(commands)
    _replay(commands)
    _listen(commands)
    _check(commands)
    _models(commands)
    _rules(commands)
    _playbooks(commands)
    _feedback(commands)
    _organisation(commands)
    _user(commands)
    _call(commands)
    return top


def _serve(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    serve = commands.add_parser("serve", help="run the engine", description="Runs the engine until it is stopped.")
    serve.add_argument("--demo", action="store_true", help="seed a demo organisation and play demo calls over loopback")
    serve.add_argument("--quiet", action="store_true", help="with --demo: do not play calls")


def _bridge(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    commands.add_parser(
        "bridge",
        help="run the bridge: calls that go through us",
        description="Takes calls from trunks, rings agents' browsers and SIP telephones, and sends each call to the "
        "engine by SIPREC, until it is stopped. A process of its own: restarts of the engine do not touch it.",
    )


def _demo(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    demo = commands.add_parser(
        "demo",
        help="play one demo call and measure it",
        description="Starts an engine on free ports, plays a demo call into it through SIPREC in real "
        "time, follows it over the agent's WebSocket as a browser would, and prints every fact as a JSON line, then a "
        "summary. Exit code 0 only if the call was served.",
    )
    demo.add_argument("--language", choices=("es", "pt", "en"), default="es")
    demo.add_argument("--headless", action="store_true", help="without a browser (the only way for now)")
    demo.add_argument("--json", action="store_true", help="print facts as JSON lines, not only the summary")
    demo.add_argument("--calls", type=int, default=1, metavar="N", help="play N calls at once")
    demo.add_argument(
        "--roles",
        choices=("members", "swapped", "none", "late"),
        default="members",
        help="what the SIPREC metadata says of who is who",
    )


def _replay(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    replay = commands.add_parser(
        "replay",
        help="run recordings or transcripts through the same pipeline",
        description="Prints facts as JSON lines. FILE is a recording of one or two channels (WAV, FLAC, MP3, Ogg, M4A… "
        "whatever FFmpeg reads), or a transcript in "
        "JSON lines, one call a line: id, language, country, region?, campaign, answered_at?, segment? (opening|mid), "
        "direction? (inbound|outbound; left out, sales and collections are outbound and all others inbound), "
        "metadata? (docs/rules.md), turns: [{leg, start_ms?, end_ms?, text}]. How a call was talked is "
        "measured where every turn has both times.",
    )
    replay.add_argument("files", nargs="*", metavar="FILE")
    replay.add_argument(
        "--as-it-was",
        nargs="+",
        default=[],
        metavar="CALL_ID",
        help="instead of files: live calls that were kept (KEEP_INPUTS_DAYS), without any model, from what the models "
        "said then; while no engine runs on the same data. Says on stderr whether the facts of each are the stored "
        "ones; exit code 0 only if all are",
    )
    replay.add_argument("--organisation", metavar="NAME", help="whose calls they are, with --as-it-was")
    replay.add_argument("--json", action="store_true", help="JSON lines (the default; kept for scripts that say it)")
    replay.add_argument("--speed", choices=("real", "max"), default="max")
    replay.add_argument(
        "--reference", metavar="REF.json", help="script of the call: prints the word error rate at the end"
    )
    _about_the_call(replay, legs="customer,agent")


def _about_the_call(command: argparse.ArgumentParser, legs: str) -> None:
    """What sound alone does not say."""
    command.add_argument("--legs", default=legs, help="who is on each channel (default: %(default)s)")
    command.add_argument("--language", choices=("auto", "es", "pt", "en"), default="auto")
    command.add_argument("--country", default="US", help="two letters (default: %(default)s)")
    command.add_argument("--region", default="", help="state or province, e.g. CA")
    command.add_argument(
        "--campaign", default="care", help="sales, collections, care or your own (default: %(default)s)"
    )
    command.add_argument(
        "--direction",
        choices=("inbound", "outbound"),
        help="default: outbound for sales and collections, else inbound",
    )
    command.add_argument(
        "--no-agent-sentiment",
        dest="agent_sentiment",
        action="store_false",
        help="read no feelings in what the agent says, or may have said",
    )
    command.add_argument(
        "--forms",
        metavar="DIR",
        default="",
        help="folder of forms (YAML) to score and wrap up by, before those that come with the engine",
    )
    command.add_argument(
        "--rules",
        metavar="PATH",
        default="",
        help="folder or file of rules of your own, in the place of the bundled ones of their ids; default: RULES",
    )
    command.add_argument(
        "--knowledge", metavar="DIR", help="folder of articles (Markdown, HTML, PDF); cards name the file's stem"
    )


def _listen(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    listen = commands.add_parser(
        "listen",
        help="hear a microphone through the same pipeline",
        description="Prints facts as JSON lines until Ctrl-C. Needs the extra `mic` (README, A microphone).",
    )
    listen.add_argument("--device", type=int, metavar="N", help="PortAudio's number; default: the system's choice")
    _about_the_call(listen, legs="agent")


def _check(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    check = commands.add_parser(
        "check",
        help="try the settings before a restart",
        description="Reads settings, the files that they name, key, database and weights as a start would, and starts "
        "and changes nothing: an engine may run meanwhile. Says what is wrong, and which variables are nearly a "
        "setting's. Exit code 0 only if nothing is wrong.",
    )
    check.add_argument("--bridge", action="store_true", help="what `welcomedly bridge` reads, instead")


def _models(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    models = commands.add_parser("models", help="list or install model weights")
    actions = models.add_subparsers(dest="action", metavar="ACTION")
    install = actions.add_parser("install", help="install weights by name; without a name, the default set")
    install.add_argument("name", nargs="?", default="")
    install.add_argument(
        "--from",
        dest="source",
        default="",
        metavar="FOLDER",
        help="take in a Whisper model of your own in CTranslate2 form under NAME; prints the WHISPER_DIR to set",
    )
    actions.add_parser("list", help="the catalogue (also without an action)")


def _rules(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    rules = commands.add_parser("rules", help="check, test and explain the compliance rules")
    actions = rules.add_subparsers(dest="action", metavar="ACTION")
    for name, what in (("check", "validate rule files"), ("test", "validate them and run the tests that they carry")):
        action = actions.add_parser(name, help=what)
        action.add_argument(
            "files", nargs="*", metavar="FILE", help="files of your own; default: the bundled rules and RULES"
        )
    explain = actions.add_parser("explain", help="say what a rule looks for, and why it did or did not speak")
    explain.add_argument("rule", nargs="?", default="", metavar="RULE", help="its id; default: all rules")
    explain.add_argument("text", nargs="?", default="", metavar="WORDS", help="a sentence to try it on")
    explain.add_argument("--call", metavar="FILE", help="a transcript, a JSON line a call")


def _playbooks(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    playbooks = commands.add_parser("playbooks", help="check the campaigns' playbooks")
    actions = playbooks.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="validate playbooks and run the tests that they carry")
    check.add_argument("files", nargs="*", metavar="FILE", help="files or folders of your own; default: the bundled")


def _feedback(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    feedback = commands.add_parser("feedback", help="what people judged, as training rows")
    actions = feedback.add_subparsers(dest="action", metavar="ACTION", required=True)
    export = actions.add_parser(
        "export",
        help="print an organisation's rows as JSON lines",
        description="Prints what an organisation's people judged (alerts, cards, dispositions, summaries, quality) as "
        "JSON lines that `models.training` reads, of the masked transcripts alone. Only when the organisation allows "
        "it, and while no engine runs on the same data; a running one has them at /api/feedback/rows.",
    )
    export.add_argument("--organisation", required=True, metavar="NAME")
    export.add_argument("--allow", action="store_true", help="first note that the organisation allows it")


def _organisation(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    organisation = commands.add_parser("organisation", help="make an organisation and its first administrator")
    actions = organisation.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser(
        "add",
        help="make one",
        description="Makes an organisation with one administrator and prints a random password for him; no engine may "
        "run on the same data. He makes everybody and everything else at /admin.",
    )
    add.add_argument("name", metavar="NAME")
    add.add_argument(
        "--admin", default="admin", metavar="LOGIN", help="the administrator's login (default: %(default)s)"
    )


def _user(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    user = commands.add_parser("user", help="give a user another password")
    actions = user.add_subparsers(dest="action", metavar="ACTION", required=True)
    password = actions.add_parser(
        "password",
        help="give a random one",
        description="Gives a user another password, prints it and ends the sessions, while no engine runs on the same "
        "data: for when nobody can log in who would do it at /admin.",
    )
    password.add_argument("login", metavar="LOGIN")
    password.add_argument("--organisation", required=True, metavar="NAME")


def _call(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    call = commands.add_parser("call", help="erase calls, or put legal holds on them")
    actions = call.add_subparsers(dest="action", metavar="ACTION", required=True)
    running = "while no engine runs on the same data; a running one does it at"
    for name, what, description in (
        (
            "erase",
            "erase calls for good",
            "Erases calls with their words, scores, judgements and recordings, and the keys that open copies of them, "
            f"{running} DELETE /api/calls/ID. Exit code 0 only if every call was erased: none is that is live or under "
            "a legal hold.",
        ),
        (
            "hold",
            "put calls under a legal hold",
            f"Puts calls under a legal hold, {running} PUT /api/calls/ID/legal-hold. Nothing goes meanwhile because "
            "its days are over: so holds are put back on a restored backup. Exit code 0 only if every call was there.",
        ),
        (
            "lift",
            "lift the legal hold of calls",
            f"Lifts the legal hold of calls, {running} DELETE /api/calls/ID/legal-hold. Exit code 0 only if every call "
            "was there.",
        ),
    ):
        action = actions.add_parser(name, help=what, description=description)
        action.add_argument("call_ids", nargs="+", metavar="ID")
        action.add_argument("--organisation", required=True, metavar="NAME")
