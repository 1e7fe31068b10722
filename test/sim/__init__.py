# SPDX-License-Identifier: Apache-2.0
"""A simulated provider: as strict as a real one, scripted from the test request by request, and with a journal of every byte.

    sim = Sim("openai-chat", key="sk-sim")            # listens on sim.port
    sim.next(answers.stream(reply), answers.fail(503))  # the next two requests; afterwards the default answer
    sim.journal[0].body                               # what came, byte for byte
"""

from . import answers, codings, dialects, steps
from .journal import Request
from .proxy import Proxy
from .server import Sim
from .tls import Authority

__all__ = ["Authority", "Proxy", "Request", "Sim", "answers", "codings", "dialects", "steps"]
