"""The qr service: issues codes and draws them."""
