"""Ways to ask for a run: the console command, the magics, the control panel.  They hold no logic."""
