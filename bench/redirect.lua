-- Requests of browsers for 2,000 hot codes of 100,000. What differs between clients differs here too.
local agents = {
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
  "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.6478.72 Mobile Safari/537.36",
  "Mozilla/5.0 (Linux; Android 13; Pixel 7a) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.6422.165 Mobile Safari/537.36",
  "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1",
  "Mozilla/5.0 (Linux; Android 12; moto g52) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
}
local languages = { "de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7", "en-US,en;q=0.9", "fr-FR,fr;q=0.9,en;q=0.8", "es-ES,es;q=0.9" }
local referrers = { "https://www.example.org/campaign/summer", "https://news.example.net/", "https://www.example.com/menu?table=12" }
local requests, number = {}, 0

function init(_)
  math.randomseed(7)
  for i = 1, 2000 do
    requests[i] = wrk.format("GET", string.format("/c%06d", math.random(0, 99999)), {
      ["Host"] = "q.example.com",
      ["User-Agent"] = agents[i % #agents + 1],
      ["Accept"] = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
      ["Accept-Language"] = languages[i % #languages + 1],
      ["Accept-Encoding"] = "gzip, deflate, br",
      ["Referer"] = referrers[i % #referrers + 1],
      ["Connection"] = "keep-alive",
      ["Upgrade-Insecure-Requests"] = "1",
      ["Sec-Fetch-Dest"] = "document",
      ["Sec-Fetch-Mode"] = "navigate",
      ["Sec-Fetch-Site"] = "cross-site",
      ["Sec-Fetch-User"] = "?1",
    })
  end
end

function request()
  number = number % 2000 + 1
  return requests[number]
end
