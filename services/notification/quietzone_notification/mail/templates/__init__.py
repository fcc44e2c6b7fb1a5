"""Templates of mails: the house's and accounts' own."""
