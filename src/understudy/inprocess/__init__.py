"""The parts of `understudy.Sandbox`: the stand-in inside the process that asks it, with a server where a URL is wanted."""
