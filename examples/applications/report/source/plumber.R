# report: tells how an amount grows.

#* Answer the probes.
#* @get /healthz
#* @serializer unboxedJSON
function() {
  list(ok = TRUE)
}

#* Give the amount at the end of each year.
#* @param amount:double
#* @param percent:double
#* @param years:int
#* @get /growth
function(amount, percent, years) {
  as.numeric(amount) * (1 + as.numeric(percent) / 100)^seq_len(as.integer(years))
}
