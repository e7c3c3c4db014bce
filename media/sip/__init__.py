"""SIP by RFC 3261: pure machines (wire, transactions, dialogs) and a thin asyncio transport."""
