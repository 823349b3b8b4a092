"""Labels that people give: which texts are asked for, who has them, and what the answers become."""
