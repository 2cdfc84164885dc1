"""A long run under a bursty load with faults drawn at random: what a fleet must survive."""
