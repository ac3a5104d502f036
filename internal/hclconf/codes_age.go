package hclconf

// Rules about secrets that the file holds encrypted.
const (
	codeAge       Code = "UB1221"
	codeAgeKey    Code = "UB1222"
	codeRecipient Code = "UB1223"
	codeRekey     Code = "UB1224"
)
