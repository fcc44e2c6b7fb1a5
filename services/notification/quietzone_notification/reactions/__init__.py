"""What the product itself does when something has happened: mails to the owners of accounts."""
