"""What decisions are worth, as pure maths: hulls, frontiers, operating points, resampling."""
