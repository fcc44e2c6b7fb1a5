-- Asks something else each time: limits from 20 to 100 and a moment before which nothing was created.
local number = 0
request = function()
  number = number + 1
  local path = string.format("/v1/codes?limit=20&created_from=20%02d-%02d-%02d", number % 25, number % 12 + 1, number % 28 + 1)
  return wrk.format("GET", path .. string.format("T%02d:%02d:%02dZ", number % 24, math.floor(number / 24) % 60, math.floor(number / 1440) % 60))
end
