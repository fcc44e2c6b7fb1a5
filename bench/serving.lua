-- Files in turn, of those that $URLS lists, a path a line; with $DELAY_MS each connection pauses for a random time, so many ms on average.
local paths, at, mean = {}, 0, tonumber(os.getenv("DELAY_MS") or "0")
for line in io.lines(os.getenv("URLS")) do paths[#paths + 1] = line end

function request()
  at = at % #paths + 1
  return wrk.format("GET", paths[at])
end

if mean > 0 then
  function delay() return math.random(0, 2 * mean) end
end
