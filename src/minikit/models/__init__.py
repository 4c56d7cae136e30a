"""What a model is: limits, encoding, image rule, dates, price."""
