"""What people look at: tables, plots, drawings of networks, the live screen, exports."""
