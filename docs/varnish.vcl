# Varnish before the files of storage: QUIETZONE_STORAGE_COPIES_URL=http://varnish:6081, and QUIETZONE_STORAGE_PUBLIC_URL is what the world
# calls it by. Copies are kept by the whole URL, with its signature: who has none, or an expired one, is asked for it by storage.
vcl 4.1;

backend files {
  .host = "127.0.0.1";
  .port = "8082";
}

acl purgers {
  "localhost"; # where storage runs
}

sub vcl_recv {
  if (req.method == "PURGE") {
    if (client.ip !~ purgers) {
      return (synth(405));
    }
    # Ids and names have no signs that mean something in a regular expression, but for the dot, which only matches more.
    if (req.http.X-Purge == "tag") {
      ban("obj.http.Cache-Tag == " + req.http.Cache-Tag);
    } else if (req.http.X-Purge == "prefix") {
      ban("obj.http.X-Path ~ ^" + req.url);
    } else {
      ban("obj.http.X-Path == " + regsub(req.url, "\?.*", ""));
    }
    return (synth(200));
  }
  if (req.method == "PUT") {
    return (pass);
  }
}

sub vcl_backend_response {
  set beresp.http.X-Path = regsub(bereq.url, "\?.*", "");
}

sub vcl_deliver {
  unset resp.http.X-Path;
}
