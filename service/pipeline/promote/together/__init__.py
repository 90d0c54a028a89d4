"""Pull requests that several applications share (`group`). Called by stage promote, and by what watches them."""
