"""Files as the world sees them: by signed URLs, over HTTP."""
