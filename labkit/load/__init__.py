"""Load tests: run and measure any number of requests, up to what a disk holds, in constant memory."""
