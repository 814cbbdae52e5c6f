package main
import ("context";"encoding/json";"fmt";"os";"repmlp/convert";"repmlp/onnxio")
func main(){
 var src,out string
 for i:=2;i<len(os.Args);i++{ if os.Args[i]=="-o"{out=os.Args[i+1];i++;continue}; if os.Args[i][0]!='-'{src=os.Args[i]}}
 m,err:=onnxio.Load(src)
 if err!=nil{fmt.Fprintln(os.Stderr,"repmlp: error:",err);os.Exit(1)}
 r,err:=convert.Convert(context.Background(),m,convert.Options{})
 if err!=nil{fmt.Fprintln(os.Stderr,"repmlp: error:",err);os.Exit(1)}
 if err:=r.Model.Save(out);err!=nil{fmt.Fprintln(os.Stderr,"repmlp: error:",err);os.Exit(1)}
 json.NewEncoder(os.Stdout).Encode(convert.Report{Schema:convert.Schema,Verdict:r.Verdict,Declined:r.Plan.Declined,Regions:r.Plan.Describe(nil),Ops:&convert.OpCounts{Before:convert.CountOps(m),After:convert.CountOps(r.Model)}})
}
