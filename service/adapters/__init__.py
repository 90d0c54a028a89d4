"""What joins the ports to the world: one file is one integration, its name is its `kind`."""
