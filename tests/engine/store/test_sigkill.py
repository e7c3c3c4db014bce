"""Kill the engine with SIGKILL in mid-call: what was shown is in the store."""

import asyncio
import signal
import sys
from pathlib import Path

from engine.facts import CallEvent, decode
from engine.settings import Settings
from engine.store import Store
from engine.vault import Vault

ENGINE = """
import asyncio, sys
from pathlib import Path
from engine.facts import Transcript
from engine.ports.storage import CallRecord
from engine.settings import Settings
from engine.store import Store
from engine.vault import Vault

async def main():
    store = await Store.open(Settings(data_dir=Path(sys.argv[1])), Vault(bytes(range(32))))
    organisation = await store.people.add_organisation("Acme", 1.0)
    record = CallRecord("call-1", organisation, "c", "sales", "inbound", "en", "US", started_at=5.0)
    await store.calls.open(record)
    print(organisation, flush=True)
    for seq in range(1, 100_000):
        await store.calls.append(record, [Transcript(call_id="call-1", seq=seq, turn=seq, text="hello")])
        print(seq, flush=True)

asyncio.run(main())
"""


async def test_what_was_shown_is_stored_and_the_call_stands_as_ended(settings: Settings, vault: Vault) -> None:
    root = Path(__file__).parents[3]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ENGINE, str(settings.data_dir), cwd=root, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        organisation = (await process.stdout.readline()).decode().strip()
        for _ in range(20):
            await process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        rest = (await process.stdout.read()).split()
        await process.wait()
    shown = max([20, *map(int, rest)])

    store = await Store.open(settings, vault)
    facts = [decode(fact) for fact in await store.calls.all_facts(organisation, "call-1")]
    assert [fact.seq for fact in facts] == list(range(1, len(facts) + 1))
    assert len(facts) >= shown + 1
    last = facts[-1]
    assert isinstance(last, CallEvent)
    assert last.data == {"reason": "engine_restarted"}
    assert (await store.calls.get(organisation, "call-1")).end_reason == "engine_restarted"
    await store.close()
