"""The operating system: commands, locks, interrupts, ports, running labs and plugins. Standard library only."""
