"""What stands above the learner: rules, what tiers can do, hard caps."""
