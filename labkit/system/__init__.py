"""The operating system: locks, interrupts, ports, running labs and plugins."""
