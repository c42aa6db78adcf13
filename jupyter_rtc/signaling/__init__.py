"""How two sides find each other and exchange descriptions."""
