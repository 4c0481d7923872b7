"""What results say: fitted scaling curves, and pairs of cases compared."""
