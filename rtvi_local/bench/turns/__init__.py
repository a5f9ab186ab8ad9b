"""Scenes of turn-taking (who says what when, over which noise) and what an appliance makes of them."""
