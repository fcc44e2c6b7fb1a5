"""What other parts are told of accounts and people, so that they know whom to write to: topic `gateway.account.v1`."""
