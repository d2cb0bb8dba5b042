"""One warm process for each user and home, which answers what the command line and the hooks are asked.

It is never needed, only faster: whoever asks goes its own way when nobody answers within `client.GREETING_SECONDS`.
The client and the wire import nothing but builtins, since every question passes them.
"""
