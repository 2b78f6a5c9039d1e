"""`notifier demo`: the whole thing on one machine, with nothing to set up."""

import signal
import socket

from tests.e2e.conftest import Stage, until


async def test_it_ends_by_itself_with_a_summary(stage: Stage) -> None:
    """With `--seconds` it must end with 0 and a summary; a port that is taken must not stop it.

    However few they are, somebody must be asked to sign in them, and Slack be told.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = await stage.run("demo", "--seconds", "10", "--port", str(taken.getsockname()[1]))
    assert (result.code, result.err) == (0, "")
    assert "is taken" in result.out
    assert "Look at Slack here:  http://127.0.0.1:" in result.out
    assert "Slack    #sales: " in result.out
    assert "Dintero recorded" in result.out
    assert "#sales holds" in result.out


async def test_it_ends_at_once_with_ctrl_c(stage: Stage) -> None:
    """Messages must come soon, and Ctrl-C end it with 0 and a summary in which nothing is doubled."""
    program = await stage.start("demo", "--port", "0")
    await until(lambda: "Slack    #" in program.read().out, "a first message")
    result = await program.stop(signal.SIGINT)
    assert (result.code, result.err) == (0, "")
    assert "#sales holds" in result.out
    assert result.out.count("0 of them twice") == 2
