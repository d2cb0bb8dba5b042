"""What memory does unasked in an agent's sessions: as one begins, for a prompt, before a tool, and before it ends.

A host starts a hook as a process, writes the event to its stdin, and waits. A hook of ours never stands in the way:
whatever fails, it ends with exit code 0 and without output, since exit code 2 would block the prompt. What it did
stands in `hooks.log`.
"""
